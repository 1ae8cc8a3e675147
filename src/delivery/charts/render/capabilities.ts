import { goFunction } from '../template/function.ts';
import { describe, emptyMap, GoStruct } from '../template/values.ts';
import { RenderError } from './render-error.ts';

/** What `.Capabilities` tells of the cluster that a chart is rendered for. */
export interface Capabilities {
  /** `v1.36.0` */
  kubeVersion: string;
  /** What it prints as: without what a vendor added, where it was given and no cluster asked. Default: as it is. */
  printedKubeVersion?: string;
  /** `apps/v1` and `apps/v1/Deployment` */
  apiVersions: readonly string[];
}

/** The version that charts are rendered for when no cluster is asked. */
const defaultKubeVersion = 'v1.36.0';

/** `--kube-version 1.29.1-vendor.2`, with a `v` in front. @throws RenderError when it is no version */
function givenKubeVersion(text: string): string {
  const problem = problemOf(text);
  if (problem) throw new RenderError(`invalid kube version '${text}': ${problem}`, undefined);
  return text.startsWith('v') ? text : `v${text}`;
}

function problemOf(text: string): string | undefined {
  const quoted = JSON.stringify(text);
  const components = /^\s*v?(\d+(?:\.\d+)*)/.exec(text)?.[1]?.split('.');
  if (!components) return `could not parse ${quoted} as version`;
  if (components.length < 2) return `illegal version string ${quoted}`;
  const padded = components.find((component) => /^0\d/.test(component));
  return padded && `illegal zero-prefixed version component ${JSON.stringify(padded)} in ${quoted}`;
}

/** `v1.29.1` of `v1.29.1-vendor.2`: what ranges are compared with. */
export function normalKubeVersion(version: string): string {
  return `v${/^\s*v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? ''}`;
}

/** Without a cluster: what every Kubernetes client knows, and what `--kube-version` and `--api-versions` say. */
export function offlineCapabilities(kubeVersion?: string, more: readonly string[] = []): Capabilities {
  const version = kubeVersion === undefined ? defaultKubeVersion : givenKubeVersion(kubeVersion);
  return {
    kubeVersion: version,
    printedKubeVersion: normalKubeVersion(version),
    apiVersions: [...wellKnownVersions(), ...more],
  };
}

/**
 * Groups and versions that Kubernetes' Go client knows, as Helm 4.1 has them: old ones are among them, and no kinds,
 * which only a cluster tells.
 */
const wellKnown = `
v1
admissionregistration.k8s.io: v1 v1alpha1 v1beta1
internal.apiserver.k8s.io: v1alpha1
apps: v1 v1beta1 v1beta2
authentication.k8s.io: v1 v1alpha1 v1beta1
authorization.k8s.io: v1 v1beta1
autoscaling: v1 v2 v2beta1 v2beta2
batch: v1 v1beta1
certificates.k8s.io: v1 v1beta1 v1alpha1
coordination.k8s.io: v1alpha2 v1beta1 v1
discovery.k8s.io: v1 v1beta1
events.k8s.io: v1 v1beta1
extensions: v1beta1
flowcontrol.apiserver.k8s.io: v1 v1beta1 v1beta2 v1beta3
networking.k8s.io: v1 v1beta1
node.k8s.io: v1 v1alpha1 v1beta1
policy: v1 v1beta1
rbac.authorization.k8s.io: v1 v1beta1 v1alpha1
resource.k8s.io: v1 v1beta2 v1beta1 v1alpha3
scheduling.k8s.io: v1alpha1 v1beta1 v1
storage.k8s.io: v1beta1 v1 v1alpha1
storagemigration.k8s.io: v1beta1
apiextensions.k8s.io: v1beta1 v1
`;

function wellKnownVersions(): string[] {
  return wellKnown
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [group, versions] = line.split(': ');
      return versions === undefined ? line : versions.split(' ').map((version) => `${group}/${version}`);
    });
}

/** `.Capabilities`, as templates see it. */
export function capabilitiesStruct({ kubeVersion, printedKubeVersion, apiVersions }: Capabilities): GoStruct {
  const printed = printedKubeVersion ?? kubeVersion;
  const [major = '', minor = ''] = normalKubeVersion(kubeVersion).slice(1).split('.');
  const known = new Set(apiVersions);
  const versions = describe([...apiVersions], {
    type: 'common.VersionSet',
    element: 'string',
    methods: { Has: goFunction(['string'], (version) => known.has(version)) },
  });
  const kube = new GoStruct({
    type: 'common.KubeVersion',
    fields: fieldsOf({ Version: kubeVersion, Major: major, Minor: minor }),
    methods: { String: goFunction([], () => printed), GitVersion: goFunction([], () => kubeVersion) },
    text: () => printed,
    json: () => fieldsOf({ Version: kubeVersion, Major: major, Minor: minor }),
  });
  return new GoStruct({
    type: '*common.Capabilities',
    fields: fieldsOf({ KubeVersion: kube, APIVersions: versions, HelmVersion: helmVersion() }),
  });
}

/** Charts and scripts ask for a version of Helm's, not of ours: the one whose behaviour is meant. */
export const helmBuild: Readonly<Record<string, string>> = {
  Version: 'v4.1.4',
  GitCommit: '',
  GitTreeState: '',
  GoVersion: '',
  KubeClientVersion: 'v1.36',
};

export function helmVersion(): GoStruct {
  return new GoStruct({ type: 'version.BuildInfo', fields: fieldsOf(helmBuild) });
}

export function fieldsOf(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.assign(emptyMap(), fields);
}
