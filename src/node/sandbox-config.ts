import type { Pod } from '../api/types/core-v1.ts';
import { podDns, type DnsSettings } from './dns-config.ts';
import { hostIdentity } from './host-identity.ts';
import { containersOf } from './pod-spec.ts';
import type { SandboxConfig } from './runtime.ts';
import { sandboxSecurity } from './security-options.ts';

/** The labels by which a sandbox or container tells whose it is, as upstream's kubelet sets them. */
export const podLabels = {
  name: 'io.kubernetes.pod.name',
  namespace: 'io.kubernetes.pod.namespace',
  uid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
} as const;

export interface SandboxOptions {
  pod: Pod;
  attempt: number;
  nodeName: string;
  dns: DnsSettings;
  logDirectory: string;
  cgroupParent: string;
}

/** The sandbox of a pod: pure. */
export function sandboxConfig(options: SandboxOptions): SandboxConfig {
  const { pod, attempt, nodeName, dns, logDirectory, cgroupParent } = options;
  const { metadata, spec } = pod;
  const containers = containersOf(pod);
  const identity = hostIdentity(pod, dns.clusterDomain, nodeName);
  return {
    name: metadata.name ?? '',
    namespace: metadata.namespace ?? '',
    uid: metadata.uid ?? '',
    attempt,
    hostname: spec?.hostNetwork ? '' : identity.hostname,
    logDirectory,
    dns: podDns(pod, dns),
    portMappings: spec?.hostNetwork ? [] : portMappings(pod),
    labels: {
      ...metadata.labels,
      [podLabels.name]: metadata.name ?? '',
      [podLabels.namespace]: metadata.namespace ?? '',
      [podLabels.uid]: metadata.uid ?? '',
    },
    annotations: { ...metadata.annotations, 'kubernetes.io/config.source': 'api' },
    cgroupParent,
    sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
    namespaces: namespacesOf(pod),
    security: sandboxSecurity(pod, containers),
  };
}

function namespacesOf(pod: Pod): SandboxConfig['namespaces'] {
  const { spec } = pod;
  const shared = spec?.shareProcessNamespace ? 'pod' : 'container';
  return {
    network: spec?.hostNetwork ? 'node' : 'pod',
    pid: spec?.hostPID ? 'node' : shared,
    ipc: spec?.hostIPC ? 'node' : 'pod',
  };
}

function portMappings(pod: Pod): SandboxConfig['portMappings'] {
  return containersOf(pod).flatMap((container) =>
    (container.spec.ports ?? [])
      .filter((port) => port.hostPort)
      .map((port) => ({
        protocol: (port.protocol ?? 'TCP') as 'TCP' | 'UDP' | 'SCTP',
        containerPort: port.containerPort,
        hostPort: port.hostPort ?? 0,
        hostIp: port.hostIP ?? '',
      })),
  );
}
