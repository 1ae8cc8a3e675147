import type { KubeObject } from '../../src/api/object.ts';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../src/api/types/apps-v1.ts';
import type { Job } from '../../src/api/types/batch-v1.ts';
import type { Node, Pod, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Client, Resource } from '../../src/client/client.ts';
import * as known from '../../src/client/resources.ts';
import type { SimulatedMachine } from './machine.ts';
import type { SimulatedWorld } from './world.ts';

const kinds: readonly Resource[] = [
  ...[known.namespaces, known.nodes, known.pods, known.services, known.endpoints, known.endpointSlices],
  ...[known.configMaps, known.secrets, known.serviceAccounts, known.leases, known.deployments, known.replicaSets],
  ...[known.replicationControllers, known.jobs, known.statefulSets, known.daemonSets, known.controllerRevisions],
];

/** The whole cluster as the API tells it. */
interface State {
  all: { resource: Resource; object: KubeObject }[];
  of<T extends KubeObject>(resource: Resource<T>): T[];
}

async function readState(client: Client): Promise<State> {
  const lists = await Promise.all(kinds.map(async (resource) => (await client.list(resource)).items));
  return {
    all: kinds.flatMap((resource, i) => (lists[i] as KubeObject[]).map((object) => ({ resource, object }))),
    of: <T extends KubeObject>(resource: Resource<T>) => lists[kinds.indexOf(resource)] as unknown as T[],
  };
}

/** What must hold at any moment, whatever has failed. */
export function momentaryProblems(world: SimulatedWorld): Promise<string[]> {
  return Promise.all([...world.machines.values()].map(doublePods)).then((found) => found.flat());
}

/** No pod runs twice on a node, and no container of it. */
async function doublePods({ name, runtime }: SimulatedMachine): Promise<string[]> {
  const sandboxes = (await runtime.listPodSandboxes()).filter((sandbox) => sandbox.state === 'ready');
  const uids = new Map(sandboxes.map(({ id, uid }) => [id, uid]));
  const containers = (await runtime.listContainers()).filter((container) => container.state === 'running');
  return [
    ...repeated(sandboxes.map(({ uid }) => uid)).map((uid) => `pod ${uid} has two sandboxes on ${name}`),
    ...repeated(containers.map((c) => `${uids.get(c.sandboxId)}/${c.name}`)).map((c) => `${c} runs twice on ${name}`),
  ];
}

/** What must hold once everything works again and has come to rest. */
export async function restingProblems(world: SimulatedWorld): Promise<string[]> {
  const state = await readState(world.client);
  const running = await Promise.all([...world.machines.values()].map((machine) => strayPods(machine, state)));
  return [
    ...state.all.filter(({ object }) => object.metadata.deletionTimestamp).map((found) => `${label(found)} lingers`),
    ...namespaceProblems(state),
    ...ownerProblems(state),
    ...state.of(known.deployments).flatMap((deployment) => deploymentProblems(deployment, state)),
    ...[...state.of(known.replicaSets), ...state.of(known.replicationControllers)].flatMap((set) =>
      replicaProblems(set as ReplicaSet, state),
    ),
    ...state.of(known.statefulSets).flatMap((set) => statefulSetProblems(set, state)),
    ...state.of(known.daemonSets).flatMap((set) => daemonSetProblems(set, state)),
    ...state.of(known.jobs).flatMap((job) => jobProblems(job, state)),
    ...podProblems(state),
    ...state.of(known.services).flatMap((service) => serviceProblems(service, state)),
    ...addressProblems(state),
    ...running.flat(),
  ];
}

function namespaceProblems(state: State): string[] {
  const names = new Set(state.of(known.namespaces).map((namespace) => namespace.metadata.name));
  return state.all
    .filter(({ object }) => object.metadata.namespace && !names.has(object.metadata.namespace))
    .map((found) => `${label(found)} is in a namespace that is gone`);
}

function ownerProblems(state: State): string[] {
  const uids = new Set(state.all.map(({ object }) => object.metadata.uid));
  return state.all.flatMap((found) => {
    const owners = found.object.metadata.ownerReferences ?? [];
    const controllers = owners.filter((owner) => owner.controller).length;
    return [
      ...(controllers > 1 ? [`${label(found)} has ${controllers} controllers`] : []),
      ...owners
        .filter((owner) => !uids.has(owner.uid))
        .map((owner) => `${label(found)} belongs to ${owner.kind} ${owner.name}, which is gone`),
    ];
  });
}

function deploymentProblems(deployment: Deployment, state: State): string[] {
  const { metadata, spec, status = {} } = deployment;
  const what = `deployment ${metadata.namespace}/${metadata.name}`;
  const wanted = spec?.replicas ?? 1;
  const sets = state.of(known.replicaSets).filter((set) => isOwnedBy(set, deployment));
  const sum = sets.reduce((total, set) => total + (set.spec?.replicas ?? 0), 0);
  const { replicas = 0, availableReplicas = 0, updatedReplicas = 0, observedGeneration } = status;
  const counts = [sum, replicas, availableReplicas, updatedReplicas];
  // One that is paused stays where it is in its rollout, surplus and all.
  const isWrong = !spec?.paused && counts.some((count) => count !== wanted);
  return [
    ...(isWrong ? [`${what} wants ${wanted} and has ${counts.join(', ')}`] : []),
    ...(observedGeneration !== metadata.generation ? [`${what} was not looked at since it changed`] : []),
  ];
}

function replicaProblems(set: ReplicaSet, state: State): string[] {
  const { metadata, spec, status } = set;
  const mine = state.of(known.pods).filter((pod) => isOwnedBy(pod, set) && !isFinished(pod));
  const wanted = spec?.replicas ?? 1;
  const counts = [mine.length, status?.replicas ?? 0, status?.readyReplicas ?? 0];
  if (counts.every((count) => count === wanted)) return [];
  return [`${metadata.namespace}/${metadata.name} wants ${wanted} and has ${counts.join(', ')}`];
}

function statefulSetProblems({ metadata, spec, status }: StatefulSet, state: State): string[] {
  const what = `stateful set ${metadata.namespace}/${metadata.name}`;
  const wanted = Array.from({ length: spec?.replicas ?? 1 }, (_, i) => `${metadata.name}-${i}`);
  const mine = state.of(known.pods).filter((pod) => isOwnedBy(pod, { metadata }));
  const names = mine.map((pod) => pod.metadata.name ?? '');
  const { readyReplicas = 0, updatedReplicas = 0 } = status ?? {};
  const isRight = [readyReplicas, updatedReplicas].every((count) => count === wanted.length);
  return [
    ...(isSame(wanted, names) ? [] : [`${what} has ${names.join()}, not ${wanted.join()}`]),
    ...(isRight ? [] : [`${what} of ${wanted.length} counts ${readyReplicas} ready, ${updatedReplicas} updated`]),
  ];
}

/** A node that is cordoned or not ready still has its daemons. */
function daemonSetProblems({ metadata, status }: DaemonSet, state: State): string[] {
  const mine = state.of(known.pods).filter((pod) => isOwnedBy(pod, { metadata }));
  const places = mine.map((pod) => pod.spec?.nodeName ?? '');
  const nodes = state.of(known.nodes).map((node) => node.metadata.name ?? '');
  const isRight = isSame(places, nodes) && status?.numberAvailable === nodes.length;
  return isRight
    ? []
    : [`daemon set ${metadata.namespace}/${metadata.name} runs on ${places.join()}, not ${nodes.join()}`];
}

/** A job has ended, or runs what it says; every end is counted, and nothing is counted that was not there. */
function jobProblems({ metadata, spec, status }: Job, state: State): string[] {
  const what = `job ${metadata.namespace}/${metadata.name}`;
  const { conditions = [], active = 0, succeeded = 0, uncountedTerminatedPods: uncounted = {} } = status ?? {};
  const mine = state.of(known.pods).filter((pod) => isOwnedBy(pod, { metadata }));
  const hasEnded = conditions.some(
    ({ type, status: value }) => ['Complete', 'Failed'].includes(type) && value === 'True',
  );
  const left = [...(uncounted.succeeded ?? []), ...(uncounted.failed ?? [])].length;
  return [
    ...(hasEnded && (active > 0 || left > 0) ? [`${what} has ended with ${active} active, ${left} uncounted`] : []),
    ...(hasEnded && mine.some((pod) => pod.metadata.finalizers?.length) ? [`${what} has ended and holds pods`] : []),
    ...(succeeded > (spec?.completions ?? 0) ? [`${what} has succeeded ${succeeded} times`] : []),
  ];
}

function podProblems(state: State): string[] {
  const nodes = new Map(state.of(known.nodes).map((node: Node) => [node.metadata.name, node]));
  return state.of(known.pods).flatMap((pod) => {
    const what = `pod ${pod.metadata.namespace}/${pod.metadata.name}`;
    const { nodeName } = pod.spec ?? {};
    if (!nodeName) return [`${what} is not scheduled: ${JSON.stringify(pod.status?.conditions)}`];
    if (!nodes.has(nodeName)) return [`${what} is bound to ${nodeName}, which is gone`];
    if (isFinished(pod) || isReady(pod)) return [];
    return [`${what} on ${nodeName} is ${pod.status?.phase} and not ready: ${JSON.stringify(pod.status)}`];
  });
}

function serviceProblems(service: Service, state: State): string[] {
  const { selector } = service.spec ?? {};
  const { namespace, name } = service.metadata;
  if (!selector) return [];
  const isMine = (object: KubeObject): boolean => object.metadata.namespace === namespace;
  const wanted = state
    .of(known.pods)
    .filter((pod) => isMine(pod) && isReady(pod) && !isFinished(pod))
    .filter((pod) => Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value))
    .map((pod) => pod.status?.podIP ?? '');
  const slices = state
    .of(known.endpointSlices)
    .filter((slice: EndpointSlice) => isMine(slice) && slice.metadata.labels?.['kubernetes.io/service-name'] === name)
    .flatMap((slice) => slice.endpoints ?? [])
    .flatMap((endpoint) => (endpoint.conditions?.ready ? endpoint.addresses : []));
  const old = state
    .of(known.endpoints)
    .filter((object) => isMine(object) && object.metadata.name === name)
    .flatMap((object) => (object.subsets ?? []).flatMap((subset) => subset.addresses ?? []).map(({ ip }) => ip));
  return [
    ...(isSame(wanted, slices) ? [] : [`slices of ${namespace}/${name} have ${slices.join()}, not ${wanted.join()}`]),
    ...(isSame(wanted, old) ? [] : [`endpoints of ${namespace}/${name} are ${old.join()}, not ${wanted.join()}`]),
  ];
}

function addressProblems(state: State): string[] {
  const pods = state.of(known.pods).filter((pod) => !isFinished(pod) && pod.status?.podIP);
  const services = state.of(known.services).map((service) => service.spec?.clusterIP ?? '');
  return repeated([
    ...pods.map((pod) => pod.status?.podIP ?? ''),
    ...services.filter((address) => address !== '' && address !== 'None'),
  ]).map((address) => `${address} was given twice`);
}

/** Sandboxes run for the pods of their node, and for no others. */
async function strayPods({ name, runtime, isOn }: SimulatedMachine, state: State): Promise<string[]> {
  if (!isOn) return [];
  const mine = state.of(known.pods).filter((pod) => pod.spec?.nodeName === name && !isFinished(pod));
  const wanted = mine.map((pod) => pod.metadata.uid ?? '');
  const found = (await runtime.listPodSandboxes()).filter(({ state: now }) => now === 'ready').map(({ uid }) => uid);
  return isSame(wanted, found) ? [] : [`${name} runs ${found.join()}, not ${wanted.join()}`];
}

function isOwnedBy(object: KubeObject, owner: KubeObject): boolean {
  return (object.metadata.ownerReferences ?? []).some(
    ({ uid, controller }) => controller && uid === owner.metadata.uid,
  );
}

function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function isReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join() === b.toSorted().join();
}

function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) !== i))];
}

function label({ resource, object }: { resource: Resource; object: KubeObject }): string {
  return `${resource.plural} ${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}
