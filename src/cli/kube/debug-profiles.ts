import type { Container, PodSpec } from '../../api/types/core-v1.ts';
import type { ObjectMeta } from '../../api/types/meta-v1.ts';

/** What a container to debug with may do, by the names of kubectl's profiles (KEP-1441). */
export const debugProfiles = ['legacy', 'general', 'baseline', 'netadmin', 'restricted', 'sysadmin'] as const;
export type DebugProfile = (typeof debugProfiles)[number];

/** A container of the pod itself, one of a copy of it, or one of a pod for a node. */
export type DebugStyle = 'ephemeral' | 'copy' | 'node';

type Security = NonNullable<Container['securityContext']>;

/** What the container may do; undefined: what any may. Pure. */
export function securityOf(profile: DebugProfile, style: DebugStyle): Security | undefined {
  switch (profile) {
    case 'general':
      return style === 'node' ? undefined : { capabilities: { add: ['SYS_PTRACE'] } };
    case 'netadmin':
      return { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } };
    case 'restricted':
      return {
        ...{ runAsNonRoot: true, allowPrivilegeEscalation: false },
        ...{ capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } },
      };
    case 'sysadmin':
      return { privileged: true };
    default:
      return undefined;
  }
}

/** What a pod for a node shares with it: its namespaces, and its files at `/host`. Pure. */
export function nodeAccessOf(profile: DebugProfile): { pod: Partial<PodSpec>; container: Partial<Container> } {
  if (profile === 'baseline' || profile === 'restricted') return { pod: {}, container: {} };
  const namespaces = { hostNetwork: true, hostPID: true, hostIPC: true };
  if (profile === 'netadmin') return { pod: namespaces, container: {} };
  return {
    pod: { ...namespaces, volumes: [{ name: 'host-root', hostPath: { path: '/' } }] },
    container: { volumeMounts: [{ name: 'host-root', mountPath: '/host' }] },
  };
}

/** What of a pod is left in its copy. */
export interface KeepFlags {
  keepAnnotations?: boolean;
  keepLabels?: boolean;
  keepLiveness?: boolean;
  keepReadiness?: boolean;
  keepStartup?: boolean;
  keepInitContainers?: string | boolean;
}

/** A copy is not to be found by services, nor to be ended by probes, unless that is wanted. Pure. */
export function keptOf(
  { metadata, spec }: { metadata: ObjectMeta; spec: PodSpec },
  profile: DebugProfile,
  flags: KeepFlags,
): { metadata: ObjectMeta; spec: PodSpec } {
  const { labels, annotations, ...others } = metadata;
  if (profile === 'legacy') return { metadata: { ...others, ...(annotations && { annotations }) }, spec };
  const containers = spec.containers.map(({ livenessProbe, readinessProbe, startupProbe, ...container }) => ({
    ...container,
    ...(flags.keepLiveness && livenessProbe && { livenessProbe }),
    ...(flags.keepReadiness && readinessProbe && { readinessProbe }),
    ...(flags.keepStartup && startupProbe && { startupProbe }),
  }));
  const { initContainers, ...rest } = spec;
  const isKeeping = flags.keepInitContainers !== 'false' && flags.keepInitContainers !== false;
  return {
    metadata: {
      ...others,
      ...(flags.keepLabels && labels && { labels }),
      ...(flags.keepAnnotations && annotations && { annotations }),
    },
    spec: {
      ...rest,
      containers,
      ...(isKeeping && initContainers && { initContainers }),
      shareProcessNamespace: spec.shareProcessNamespace ?? true,
    },
  };
}
