import { dnsLabel } from '../../names.ts';
import { parseQuantity } from '../../quantity.ts';
import type { Container, ContainerPort, NodeSelectorTerm, Pod, PodAffinityTerm } from '../../types/core-v1.ts';
import type { PodSpec, PodTemplateSpec } from '../../types/core-v1.ts';

/** What upstream warns about in pods and their templates (`Warning` headers): allowed, but hardly meant. */

export function podWarnings(pod: Pod, old?: Pod): string[] {
  // Updates of pods are machines' work: nobody would read it.
  if (old) return [];
  const problems = dnsLabel(pod.metadata.name ?? '');
  const aboutName =
    problems.length > 0 && pod.metadata.name
      ? [`metadata.name: this is used in the Pod's hostname, which can result in ${surprise}: [${problems.join(' ')}]`]
      : [];
  return [...aboutName, ...specWarnings(pod, '')];
}

interface Workload {
  metadata: { name?: string };
  spec?: { template?: PodTemplateSpec };
}

/** For kinds with a pod template in `spec.template`: on create, and when the template changes. */
export function workloadWarnings(object: Workload, old?: Workload): string[] {
  const template = object.spec?.template;
  if (!template || template === old?.spec?.template) return [];
  if (old && JSON.stringify(template) === JSON.stringify(old.spec?.template)) return [];
  const warnings = specWarnings(template, 'spec.template.');
  const problems = old || !object.metadata.name ? [] : dnsLabel(object.metadata.name);
  if (problems.length === 0) return warnings;
  const aboutName = `this is used in Pod names and hostnames, which can result in ${surprise}: [${problems.join(' ')}]`;
  return [`metadata.name: ${aboutName}`, ...warnings];
}

const surprise = 'surprising behavior; a DNS label is recommended';

const deprecatedNodeLabels: Readonly<Record<string, string | undefined>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

const deprecatedAnnotations: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};

const deprecatedVolumes = Object.entries({
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
});

/** `at` is '' or ends with a dot. */
function specWarnings({ metadata, spec }: PodTemplateSpec, at: string): string[] {
  if (!spec) return [];
  const warnings: string[] = [];
  const path = `${at}spec`;
  placementWarnings(warnings, spec, path);
  annotationWarnings(warnings, { annotations: metadata?.annotations, spec }, at);
  spec.volumes?.forEach((volume, i) => {
    for (const [source, text] of deprecatedVolumes) {
      if (source in volume) warnings.push(`${path}.volumes[${i}].${source}: ${text}`);
    }
  });
  duplicateWarnings(warnings, spec, path);
  amountWarnings(warnings, spec.overhead, `${path}.overhead`);
  eachContainer(spec, path, (container, inside) => {
    amountWarnings(warnings, container.resources?.limits, `${inside}.resources.limits`);
    amountWarnings(warnings, container.resources?.requests, `${inside}.resources.requests`);
    envWarnings(warnings, container, inside);
  });
  portWarnings(warnings, spec, path);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    const text = 'must be >= 0; negative values are invalid and will be treated as 1';
    warnings.push(`${path}.terminationGracePeriodSeconds: ${text}`);
  }
  return warnings;
}

function placementWarnings(warnings: string[], spec: PodSpec, path: string): void {
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const text = deprecatedNodeLabels[key];
    if (text) warnings.push(`${path}.nodeSelector[${key}]: ${text}`);
  }
  const { nodeAffinity, podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
  nodeAffinity?.[required]?.nodeSelectorTerms.forEach((term, i) => {
    termWarnings(warnings, term, `${path}.affinity.nodeAffinity.${required}.nodeSelectorTerms[${i}]`);
  });
  nodeAffinity?.[preferred]?.forEach(({ preference }, i) => {
    termWarnings(warnings, preference, `${path}.affinity.nodeAffinity.${preferred}[${i}].preference`);
  });
  const unselective = (term: PodAffinityTerm, where: string): void => {
    if (!term.labelSelector) warnings.push(`${where}.labelSelector: ${matchesNothing}`);
  };
  for (const [name, affinity] of Object.entries({ podAffinity, podAntiAffinity })) {
    const inside = `${path}.affinity.${name}`;
    affinity?.[required]?.forEach((term, i) => unselective(term, `${inside}.${required}[${i}]`));
    affinity?.[preferred]?.forEach(({ podAffinityTerm }, i) => {
      unselective(podAffinityTerm, `${inside}.${preferred}[${i}].podAffinityTerm`);
    });
  }
  spec.topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const where = `${path}.topologySpreadConstraints[${i}]`;
    const text = deprecatedNodeLabels[topologyKey];
    if (text) warnings.push(`${where}.topologyKey: ${topologyKey} is ${text}`);
    if (!labelSelector) warnings.push(`${where}.labelSelector: ${matchesNothing}`);
  });
}

const matchesNothing = 'a null labelSelector results in matching no pod';

function termWarnings(warnings: string[], { matchExpressions = [] }: NodeSelectorTerm, path: string): void {
  for (const [i, { key }] of matchExpressions.entries()) {
    const text = deprecatedNodeLabels[key];
    if (text) warnings.push(`${path}.matchExpressions[${i}].key: ${key} is ${text}`);
  }
}

function annotationWarnings(
  warnings: string[],
  { annotations, spec }: { annotations: Record<string, string> | undefined; spec: PodSpec },
  at: string,
): void {
  if (!annotations) return;
  const warn = (key: string, text: string | undefined): void => {
    if (text && annotations[key] !== undefined) warnings.push(`${at}metadata.annotations[${key}]: ${text}`);
  };
  for (const [key, text] of Object.entries(deprecatedAnnotations)) warn(key, text);
  const seccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead';
  if (!spec.securityContext?.seccompProfile) warn('seccomp.security.alpha.kubernetes.io/pod', seccomp);
  eachContainer(spec, '', ({ name, securityContext }) => {
    if (!securityContext?.seccompProfile) warn(`container.seccomp.security.alpha.kubernetes.io/${name}`, seccomp);
    if (at === '' || securityContext?.appArmorProfile || spec.securityContext?.appArmorProfile) return;
    const appArmor = 'deprecated since v1.30; use the "appArmorProfile" field instead';
    warn(`container.apparmor.security.beta.kubernetes.io/${name}`, appArmor);
  });
}

function duplicateWarnings(warnings: string[], { hostAliases, imagePullSecrets }: PodSpec, path: string): void {
  const addresses = new Set<string>();
  for (const [i, { ip }] of (hostAliases ?? []).entries()) {
    if (addresses.has(ip)) warnings.push(`${path}.hostAliases[${i}].ip: duplicate ip "${ip}"`);
    addresses.add(ip);
  }
  const names = new Set<string>();
  for (const [i, { name = '' }] of (imagePullSecrets ?? []).entries()) {
    if (names.has(name)) warnings.push(`${path}.imagePullSecrets[${i}].name: duplicate name "${name}"`);
    if (name === '') warnings.push(`${path}.imagePullSecrets[${i}].name: invalid empty name ""`);
    names.add(name);
  }
}

/** Nearly all amounts are told to be whole by their looks. */
const mayBeFraction = /[.mun]|[eE]-/;

/** A fraction of a byte: mostly `128m` where `128Mi` was meant. */
function amountWarnings(warnings: string[], list: Record<string, string> | undefined, path: string): void {
  for (const name of ['memory', 'ephemeral-storage']) {
    const quantity = list?.[name];
    if (quantity === undefined || !mayBeFraction.test(quantity)) continue;
    const amount = parseQuantity(quantity);
    if (!amount || amount.nano % 1_000_000_000n === 0n) continue;
    warnings.push(`${path}[${name}]: fractional byte value "${quantity}" is invalid, must be an integer`);
  }
}

function envWarnings(warnings: string[], { env }: Container, path: string): void {
  const names = new Set<string>();
  for (const [i, { name, value = '', valueFrom }] of (env ?? []).entries()) {
    const reference = `$(${name})`;
    // A value that builds on the earlier one is meant.
    if (names.has(name) && (valueFrom || value === reference || !value.includes(reference))) {
      const text = `hides previous definition of "${name}", which may be dropped when using apply`;
      warnings.push(`${path}.env[${i}]: ${text}`);
    }
    names.add(name);
  }
}

function portWarnings(warnings: string[], spec: PodSpec, path: string): void {
  const seen: { port: ContainerPort; path: string }[] = [];
  eachContainer(spec, path, ({ ports }, inside) => {
    for (const [i, port] of (ports ?? []).entries()) {
      const own = `${inside}.ports[${i}]`;
      for (const other of seen) {
        const isSame = other.port.containerPort === port.containerPort;
        if (!isSame || (other.port.protocol ?? 'TCP') !== (port.protocol ?? 'TCP')) continue;
        const hosts = [port.hostPort ?? 0, other.port.hostPort ?? 0];
        if (hosts[0] === hosts[1] && (port.hostIP ?? '') === (other.port.hostIP ?? '')) {
          warnings.push(`${own}: duplicate port definition with ${other.path}`);
        } else if (hosts.includes(0)) {
          warnings.push(`${own}: overlapping port definition with ${other.path}`);
        }
      }
      seen.push({ port, path: own });
    }
  });
}

function eachContainer(spec: PodSpec, path: string, visit: (container: Container, path: string) => void): void {
  spec.initContainers?.forEach((container, i) => visit(container, `${path}.initContainers[${i}]`));
  spec.containers.forEach((container, i) => visit(container, `${path}.containers[${i}]`));
}
