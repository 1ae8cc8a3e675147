import { parseVersion } from '../functions/semver.ts';
import { goFunction } from '../template/function.ts';
import { describe, emptyMap, GoStruct } from '../template/values.ts';
import { RenderError } from './render-error.ts';

/** What `.Capabilities` tells of the cluster that a chart is rendered for. */
export interface Capabilities {
  /** `v1.36.0` */
  kubeVersion: string;
  /** `apps/v1` and `apps/v1/Deployment` */
  apiVersions: readonly string[];
}

/** The version that charts are rendered for when no cluster is asked. */
const defaultKubeVersion = 'v1.36.0';

/** `--kube-version 1.29` is v1.29.0. @throws RenderError when it is no version */
function normalKubeVersion(text: string): string {
  let version: ReturnType<typeof parseVersion>;
  try {
    version = parseVersion(text);
  } catch (error) {
    throw new RenderError(`invalid kube version '${text}': invalid semantic version`, error);
  }
  const { major, minor, patch, prerelease, metadata } = version;
  return `v${major}.${minor}.${patch}${prerelease && `-${prerelease}`}${metadata && `+${metadata}`}`;
}

/** Without a cluster: what every Kubernetes client knows, and what `--kube-version` and `--api-versions` say. */
export function offlineCapabilities(kubeVersion?: string, more: readonly string[] = []): Capabilities {
  return {
    kubeVersion: kubeVersion === undefined ? defaultKubeVersion : normalKubeVersion(kubeVersion),
    apiVersions: [...wellKnown(), ...more],
  };
}

/** Groups and versions, with their kinds. Old ones are among them: charts ask whether a cluster may have them. */
const wellKnownKinds = `
v1: Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim
 Pod PodTemplate RangeAllocation ReplicationController ResourceQuota Secret Service ServiceAccount
admissionregistration.k8s.io/v1: MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration
 ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration
apiextensions.k8s.io/v1: CustomResourceDefinition
apiextensions.k8s.io/v1beta1: CustomResourceDefinition
apps/v1: ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet
apps/v1beta1: ControllerRevision Deployment Scale StatefulSet
apps/v1beta2: ControllerRevision DaemonSet Deployment ReplicaSet Scale StatefulSet
authentication.k8s.io/v1: SelfSubjectReview TokenRequest TokenReview
authorization.k8s.io/v1: LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview
autoscaling/v1: HorizontalPodAutoscaler Scale
autoscaling/v2: HorizontalPodAutoscaler
batch/v1: CronJob Job
batch/v1beta1: CronJob
certificates.k8s.io/v1: CertificateSigningRequest
coordination.k8s.io/v1: Lease
discovery.k8s.io/v1: EndpointSlice
discovery.k8s.io/v1beta1: EndpointSlice
events.k8s.io/v1: Event
events.k8s.io/v1beta1: Event
extensions/v1beta1: DaemonSet Deployment Ingress NetworkPolicy ReplicaSet Scale
flowcontrol.apiserver.k8s.io/v1: FlowSchema PriorityLevelConfiguration
networking.k8s.io/v1: IPAddress Ingress IngressClass NetworkPolicy ServiceCIDR
networking.k8s.io/v1beta1: IPAddress Ingress IngressClass ServiceCIDR
node.k8s.io/v1: RuntimeClass
policy/v1: Eviction PodDisruptionBudget
policy/v1beta1: Eviction PodDisruptionBudget
rbac.authorization.k8s.io/v1: ClusterRole ClusterRoleBinding Role RoleBinding
rbac.authorization.k8s.io/v1beta1: ClusterRole ClusterRoleBinding Role RoleBinding
resource.k8s.io/v1: DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice
scheduling.k8s.io/v1: PriorityClass
storage.k8s.io/v1: CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass
`;

function wellKnown(): string[] {
  return [...wellKnownKinds.replaceAll('\n ', ' ').matchAll(/^(\S+): (.+)$/gm)].flatMap(
    ([, version = '', kinds = '']) => [version, ...kinds.split(' ').map((kind) => `${version}/${kind}`)],
  );
}

/** `.Capabilities`, as templates see it. */
export function capabilitiesStruct({ kubeVersion, apiVersions }: Capabilities): GoStruct {
  const { major, minor } = parseVersion(kubeVersion);
  const known = new Set(apiVersions);
  const versions = describe([...apiVersions], {
    type: 'common.VersionSet',
    element: 'string',
    methods: { Has: goFunction(['string'], (version) => known.has(version)) },
  });
  const kube = new GoStruct({
    type: 'common.KubeVersion',
    fields: fieldsOf({ Version: kubeVersion, Major: `${major}`, Minor: `${minor}` }),
    methods: { String: goFunction([], () => kubeVersion), GitVersion: goFunction([], () => kubeVersion) },
    text: () => kubeVersion,
  });
  return new GoStruct({
    type: '*common.Capabilities',
    fields: fieldsOf({ KubeVersion: kube, APIVersions: versions, HelmVersion: helmVersion() }),
  });
}

/** Charts and scripts ask for a version of Helm's, not of ours: the one whose behaviour is meant. */
export const helmBuild: Readonly<Record<string, string>> = {
  Version: 'v4.0.0',
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
