import type { Pod } from '../../api/types/core-v1.ts';
import { persistentVolumeClaims, pods, volumeAttachments } from '../admission/lookup.ts';
import type { StoreLookup } from '../admission/store-lookup.ts';
import type { Attributes, Authorizer, Decision } from '../authorization.ts';
import type { User } from '../handler.ts';
import { nodeRules } from './default-roles.ts';
import { podReferences } from './pod-references.ts';
import { grantOf } from './rules.ts';
import { mirrorPodAnnotation } from '../../api/well-known.ts';

type ResourceAttributes = Extract<Attributes, { kind: 'resource' }>;

const userPrefix = 'system:node:';
const allow: Decision = { kind: 'allow' };

/** The node that a user is, or undefined: `system:node:<name>` in group `system:nodes`. */
export function nodeNameOf(user: User): string | undefined {
  if (!user.name.startsWith(userPrefix) || !user.groups.includes('system:nodes')) return undefined;
  return user.name.slice(userPrefix.length);
}

/**
 * Lets a node do what its role says, and of secrets, config maps, claims, volumes and tokens only what pods assigned
 * to it refer to (reference/access-authn-authz/node). Pods are followed from the first node's request on.
 */
export function createNodeAuthorizer(lookup: StoreLookup): Authorizer {
  let graph: Promise<NodeGraph> | undefined;
  const graphOf = (): Promise<NodeGraph> =>
    (graph ??= lookup.follow(pods).then(() => {
      const made = new NodeGraph();
      lookup.subscribe(pods, (now, old) => made.change(now, old));
      return made;
    }));

  const related = async (node: string, attributes: ResourceAttributes): Promise<Decision> => {
    const { resource, namespace, name } = attributes;
    const known = await graphOf();
    if (name !== '' && known.refers(node, namespace, `${resource}/${name}`)) return allow;
    // The pod may be younger than our view of it.
    const fresh = name === '' ? [] : await lookup.freshList(pods, namespace);
    const here = fresh.some((pod) => holds(pod, node) && podReferences(pod).has(`${resource}/${name}`));
    return here ? allow : noRelationship(node);
  };
  const volumeOf = async (node: string, name: string): Promise<Decision> => {
    const known = await graphOf();
    for (const { namespace, claim } of known.claimsOf(node)) {
      const found = await lookup.fresh(persistentVolumeClaims, namespace, claim);
      if (found?.spec?.volumeName === name) return allow;
    }
    return noRelationship(node);
  };
  const attachment = async (node: string, name: string): Promise<Decision> => {
    const found = await lookup.fresh(volumeAttachments, '', name);
    return found?.spec.nodeName === node ? allow : noRelationship(node);
  };

  return (attributes) => {
    const node = nodeNameOf(attributes.user);
    if (node === undefined || attributes.kind === 'nonResource') return { kind: 'noOpinion' };
    if (!allowedByRole(attributes)) return { kind: 'noOpinion' };
    switch (`${attributes.group}/${attributes.resource}`) {
      case '/secrets':
      case '/configmaps':
      case '/persistentvolumeclaims':
      case '/serviceaccounts':
        return related(node, attributes);
      case '/persistentvolumes':
        return volumeOf(node, attributes.name);
      case 'storage.k8s.io/volumeattachments':
        return attachment(node, attributes.name);
      case 'coordination.k8s.io/leases':
        return attributes.namespace === 'kube-node-lease' ? own(node, attributes) : noRelationship(node);
      case '/nodes':
      case 'storage.k8s.io/csinodes':
        return own(node, attributes);
      case '/pods':
        return readsOwnPods(node, attributes);
      default:
        return allow;
    }
  };
}

function allowedByRole(attributes: ResourceAttributes): boolean {
  return grantOf(nodeRules, attributes).all;
}

function noRelationship(node: string): Decision {
  return { kind: 'noOpinion', reason: `no relationship found between node '${node}' and this object` };
}

/** The object that carries the node's name; a create has no name yet and is looked at by the NodeRestriction plugin. */
function own(node: string, attributes: ResourceAttributes): Decision {
  const { verb, name } = attributes;
  return name === node || (verb === 'create' && name === '') ? allow : noRelationship(node);
}

function readsOwnPods(node: string, attributes: ResourceAttributes): Decision {
  const { verb, name, fieldSelector } = attributes;
  if (verb !== 'list' && verb !== 'watch') return allow;
  const selected = fieldSelector
    ?.split(',')
    .some((part) => /^spec\.nodeName==?/.test(part) && part.endsWith(`=${node}`));
  if (selected || name !== '') return allow;
  const reason = `can only list/watch pods with spec.nodeName field selector`;
  return { kind: 'noOpinion', reason };
}

/** A node makes its own mirror pods: they must not open secrets to it. */
function holds(pod: Pod, node: string): boolean {
  return pod.spec?.nodeName === node && pod.metadata.annotations?.[mirrorPodAnnotation] === undefined;
}

/** Which node's pods refer to what. */
class NodeGraph {
  /** node -> `namespace/resource/name` -> number of pods. */
  readonly #references = new Map<string, Map<string, number>>();

  change(now: Pod | undefined, old: Pod | undefined): void {
    if (now && old && now.spec?.nodeName === old.spec?.nodeName && now.spec === old.spec) return;
    if (old) this.#count(old, -1);
    if (now) this.#count(now, 1);
  }

  refers(node: string, namespace: string, reference: string): boolean {
    return this.#references.get(node)?.has(`${namespace}/${reference}`) === true;
  }

  *claimsOf(node: string): Iterable<{ namespace: string; claim: string }> {
    for (const key of this.#references.get(node)?.keys() ?? []) {
      const [namespace = '', resource, claim = ''] = key.split('/');
      if (resource === 'persistentvolumeclaims') yield { namespace, claim };
    }
  }

  #count(pod: Pod, step: 1 | -1): void {
    const node = pod.spec?.nodeName;
    if (!node || !holds(pod, node)) return;
    const counts = this.#references.get(node) ?? new Map<string, number>();
    for (const reference of podReferences(pod)) {
      const key = `${pod.metadata.namespace ?? ''}/${reference}`;
      const count = (counts.get(key) ?? 0) + step;
      if (count > 0) counts.set(key, count);
      else counts.delete(key);
    }
    if (counts.size > 0) this.#references.set(node, counts);
    else this.#references.delete(node);
  }
}
