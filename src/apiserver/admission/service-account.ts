import type { Random } from '../../base/random.ts';
import { nameSuffix } from '../../base/random.ts';
import type { Container, Pod, ServiceAccount, Volume } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { serviceAccounts } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { refusal, writes } from './refuse.ts';
import { mirrorPodAnnotation } from '../../api/well-known.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
const tokenSeconds = 3607;
/** A new namespace's account is made a moment after the namespace: as long as upstream retries. */
const patienceMs = 1000;

/**
 * Every pod runs as an account of its namespace, and finds its token, the cluster's CA and its namespace in a volume.
 */
export function serviceAccount(lookup: Lookup, random: Random): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    handles: (request) => request.operation === 'CREATE' && writes(request, '', 'pods'),
    async mutate(request) {
      const pod = request.object as unknown as Pod;
      if (pod.metadata.annotations?.[mirrorPodAnnotation] !== undefined) return checkMirror(request, pod);
      const { spec } = pod;
      if (!spec) return;
      // The API knows both names of the field; the older one is kept equal.
      spec.serviceAccountName ||= spec.serviceAccount || 'default';
      spec.serviceAccount = spec.serviceAccountName;
      const account = await find(lookup, request.namespace, spec.serviceAccountName);
      if (!account) {
        const name = spec.serviceAccountName;
        const text = `error looking up service account ${request.namespace}/${name}: serviceaccount "${name}" not found`;
        throw refusal(request, text);
      }
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, random);
      if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
        spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({ ...secret }));
      }
    },
  };
}

async function find(lookup: Lookup, namespace: string, name: string): Promise<ServiceAccount | undefined> {
  return (
    lookup.get(serviceAccounts, namespace, name) ??
    (await lookup.fresh(serviceAccounts, namespace, name)) ??
    (await lookup.appears(serviceAccounts, { namespace, name }, patienceMs))
  );
}

/** A node reports its static pods as mirror pods: those must not reach for anything of the cluster's. */
function checkMirror(request: AdmissionRequest, pod: Pod): void {
  if (pod.spec?.serviceAccountName) throw refusal(request, 'a mirror pod may not reference service accounts');
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.secret) throw refusal(request, 'a mirror pod may not reference secrets');
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken)) {
      throw refusal(request, 'a mirror pod may not use ServiceAccountToken volume projections');
    }
  }
}

function mountToken(pod: Pod, random: Random): void {
  const { spec } = pod;
  if (!spec) return;
  const present = spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix) && volume.projected);
  const name = present?.name ?? `${volumePrefix}${nameSuffix(random)}`;
  let used = false;
  const containers: Container[] = [...(spec.initContainers ?? []), ...spec.containers];
  for (const container of containers) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    used = true;
  }
  if (used && !present) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}
