import { isDeepStrictEqual } from 'node:util';
import { ApiError } from '../../api/status.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import type { Node, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { nodeNameOf } from '../authorization/node-authorizer.ts';
import { podReferences } from '../authorization/pod-references.ts';
import { nodes, pods } from './lookup.ts';
import type { Lookup } from './lookup.ts';
import { refusal } from './refuse.ts';
import { mirrorPodAnnotation } from '../../api/well-known.ts';

/**
 * Labels of these names, or under them, are for administrators; nodes must not put themselves where they do not
 * belong.
 */
const reservedLabel = /(^|[./])node-restriction\.kubernetes\.io\//;
/** Under kubernetes.io a node may set these and no others of its own. */
const ownLabel =
  /^(kubernetes\.io\/(hostname|arch|os)|beta\.kubernetes\.io\/(arch|os|instance-type)|node\.kubernetes\.io\/instance-type|failure-domain\.beta\.kubernetes\.io\/(region|zone)|topology\.kubernetes\.io\/(region|zone)|([^/]*\.)?kubelet\.kubernetes\.io\/.*|([^/]*\.)?node\.kubernetes\.io\/.*)$/;
const kubernetesLabel = /^([^/]*\.)?(kubernetes|k8s)\.io\//;

/** A node writes its own Node, the pods assigned to it, its own lease, and tokens for its own pods: nothing else. */
export function nodeRestriction(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: (request) => nodeNameOf(request.user) !== undefined,
    async mutate(request) {
      const node = nodeNameOf(request.user) ?? '';
      switch (`${request.kind.group}/${request.kind.plural}/${request.subresource}`) {
        case '/pods/':
          return checkPod(request, node, lookup);
        case '/pods/status':
          return checkStatus(request, node);
        case '/pods/eviction':
          return checkEviction(request, node, lookup);
        case '/nodes/':
        case '/nodes/status':
          return checkNode(request, node);
        case '/persistentvolumeclaims/status':
          return checkClaim(request);
        case '/serviceaccounts/token':
          return checkToken(request, node, lookup);
        case 'coordination.k8s.io/leases/':
        case 'storage.k8s.io/csinodes/':
          return checkNamedLikeNode(request, node);
        default:
          return undefined;
      }
    },
  };
}

async function checkPod(request: AdmissionRequest, node: string, lookup: Lookup): Promise<void> {
  if (request.operation === 'DELETE') {
    const pod = request.old as unknown as Pod | undefined;
    if (pod?.spec?.nodeName !== node) {
      throw refusal(request, `node "${node}" can only delete pods with spec.nodeName set to itself`);
    }
    return;
  }
  if (request.operation !== 'CREATE') {
    throw refusal(
      request,
      `unexpected operation "${request.operation}", node "${node}" can only create and delete mirror pods`,
    );
  }
  const pod = request.object as unknown as Pod;
  if (pod.metadata.annotations?.[mirrorPodAnnotation] === undefined) {
    throw refusal(
      request,
      `pod does not have "${mirrorPodAnnotation}" annotation, node "${node}" can only create mirror pods`,
    );
  }
  if (pod.spec?.nodeName !== node) {
    throw refusal(request, `node "${node}" can only create pods with spec.nodeName set to itself`);
  }
  await checkOwner(request, pod, node, lookup);
  const referred = [...podReferences(pod)][0];
  if (referred) {
    throw refusal(request, `node "${node}" can not create pods that reference ${referred.split('/')[0] ?? 'objects'}`);
  }
}

/** A mirror pod belongs to its node, and to nothing else. */
async function checkOwner(request: AdmissionRequest, pod: Pod, node: string, lookup: Lookup): Promise<void> {
  const owners = pod.metadata.ownerReferences ?? [];
  const owner = owners[0];
  if (owners.length !== 1 || owner?.kind !== 'Node' || owner.apiVersion !== 'v1' || owner.name !== node) {
    throw refusal(request, `node "${node}" can only create pods with an owner reference set to itself`);
  }
  const stored = await lookup.fresh(nodes, '', node);
  if (stored?.metadata.uid !== owner.uid) {
    throw refusal(request, `node ${node} UID mismatch: expected ${owner.uid} got ${stored?.metadata.uid ?? ''}`);
  }
}

function checkStatus(request: AdmissionRequest, node: string): void {
  const old = request.old as unknown as Pod | undefined;
  const pod = request.object as unknown as Pod | undefined;
  if (old?.spec?.nodeName !== node) {
    throw refusal(request, `node "${node}" can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (!isDeepStrictEqual({ ...pod?.metadata.labels }, { ...old.metadata.labels })) {
    throw refusal(request, `node "${node}" cannot update labels through pod status`);
  }
}

async function checkEviction(request: AdmissionRequest, node: string, lookup: Lookup): Promise<void> {
  const pod = await lookup.fresh(pods, request.namespace, request.name);
  if (pod && pod.spec?.nodeName !== node) {
    throw refusal(request, `node "${node}" can only evict pods with spec.nodeName set to itself`);
  }
}

function checkNode(request: AdmissionRequest, node: string): void {
  const made = request.object as unknown as Node | undefined;
  const old = request.old as unknown as Node | undefined;
  const name = request.name || (made?.metadata.name ?? '');
  if (name !== node) throw refusal(request, `node "${node}" is not allowed to modify node "${name}"`);
  if (request.operation === 'DELETE' || !made) {
    throw refusal(request, `node "${node}" is not allowed to delete node "${name}"`);
  }
  if (made.spec?.configSource && !isDeepStrictEqual(made.spec.configSource, old?.spec?.configSource)) {
    throw refusal(request, `node "${node}" is not allowed to set spec.configSource`);
  }
  if (request.operation === 'UPDATE' && request.subresource === '') {
    if (!isDeepStrictEqual(made.spec?.taints ?? [], old?.spec?.taints ?? [])) {
      throw refusal(request, `node "${node}" is not allowed to modify taints`);
    }
    if (!isDeepStrictEqual(made.metadata.ownerReferences ?? [], old?.metadata.ownerReferences ?? [])) {
      throw refusal(request, `node "${node}" is not allowed to modify ownerReferences`);
    }
  }
  checkLabels(request, node, made, old);
}

function checkLabels(request: AdmissionRequest, node: string, made: Node, old: Node | undefined): void {
  const before = old?.metadata.labels ?? {};
  const after = made.metadata.labels ?? {};
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => before[key] !== after[key],
  );
  const wrong = changed.filter((key) => reservedLabel.test(key) || (kubernetesLabel.test(key) && !ownLabel.test(key)));
  if (wrong.length === 0) return;
  const verb = old ? 'modify' : 'set';
  throw refusal(
    request,
    `is not allowed to ${verb} the following labels: ${wrong.sort().join(', ')}`.replace(/^/, `node "${node}" `),
  );
}

function checkClaim(request: AdmissionRequest): void {
  const made = request.object as unknown as PersistentVolumeClaim | undefined;
  const old = request.old as unknown as PersistentVolumeClaim | undefined;
  if (!isDeepStrictEqual(made?.spec, old?.spec)) {
    throw refusal(request, 'node is not allowed to update fields other than status');
  }
}

async function checkToken(request: AdmissionRequest, node: string, lookup: Lookup): Promise<void> {
  const body = request.object as unknown as TokenRequest | undefined;
  const bound = body?.spec?.boundObjectRef;
  if (bound?.apiVersion !== 'v1' || bound.kind !== 'Pod' || !bound.name) {
    throw refusal(request, 'node requested token not bound to a pod');
  }
  if (!bound.uid) throw refusal(request, 'node requested token with a pod binding without a uid');
  const pod = await lookup.fresh(pods, request.namespace, bound.name);
  if (!pod) throw ApiError.of('NotFound', `pods "${bound.name}" not found`, { name: bound.name, kind: 'pods' });
  if (pod.metadata.uid !== bound.uid) {
    const text = `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw ApiError.of('Conflict', text, { name: bound.name, kind: 'pods' });
  }
  if (pod.spec?.nodeName !== node) {
    throw refusal(request, `node requested token bound to a pod scheduled on a different node`);
  }
}

function checkNamedLikeNode(request: AdmissionRequest, node: string): void {
  const { name, namespace, kind, operation } = request;
  if (kind.plural === 'leases' && namespace !== 'kube-node-lease') {
    throw refusal(request, `can only access leases in the "kube-node-lease" system namespace`);
  }
  const given = name || (request.object?.metadata.name ?? '');
  if (given === node) return;
  const what = kind.plural === 'leases' ? 'lease' : 'CSINode';
  throw refusal(
    request,
    `can only access ${operation === 'CREATE' ? 'a ' : ''}${what} with the same name as the requesting node`,
  );
}
