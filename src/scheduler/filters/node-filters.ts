import { heldRequests, podRequests } from '../../api/pod-resources.ts';
import { isTolerated } from '../../api/taints.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { hostPortsOf, nodeRequirement } from '../pod-facts.ts';
import type { ClusterEvent, Filter } from '../plugin.ts';

/** The filters that look at one node alone. Names and reasons are those of the upstream scheduler's plugins. */

export const nodeName: Filter = {
  name: 'NodeName',
  prepare(pod) {
    const wanted = pod.spec?.nodeName;
    if (!wanted) return undefined;
    const failure = { reasons: ["node(s) didn't match the requested node name"], unresolvable: true };
    return (node) => (node.name === wanted ? null : failure);
  },
  couldHelp: (pod, event) => event.kind === 'nodeAdded' && event.node.metadata.name === pod.spec?.nodeName,
};

const unschedulableTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: Filter = {
  name: 'NodeUnschedulable',
  prepare(pod) {
    if (isTolerated(unschedulableTaint, pod.spec?.tolerations)) return undefined;
    const failure = { reasons: ['node(s) were unschedulable'], unresolvable: true };
    return (node) => (node.node.spec?.unschedulable ? failure : null);
  },
  couldHelp: (_pod, event) => turnsGood(event, (node) => !node.spec?.unschedulable),
};

export const taintToleration: Filter = {
  name: 'TaintToleration',
  prepare(pod) {
    const tolerations = pod.spec?.tolerations;
    return (node) => {
      for (const taint of node.hardTaints) {
        if (isTolerated(taint, tolerations)) continue;
        const reason = `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
        return { reasons: [reason], unresolvable: true };
      }
      return null;
    };
  },
  couldHelp: (pod, event) => turnsGood(event, (node) => toleratesTaints(pod, node)),
};

/** Does the pod tolerate every taint of the node that keeps pods away? */
export function toleratesTaints(pod: Pod, node: Node): boolean {
  return (node.spec?.taints ?? []).every(
    (taint) => taint.effect === 'PreferNoSchedule' || isTolerated(taint, pod.spec?.tolerations),
  );
}

export const nodeAffinity: Filter = {
  name: 'NodeAffinity',
  prepare(pod) {
    const matches = nodeRequirement(pod);
    if (!matches) return undefined;
    const failure = { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true };
    return (node) => (matches(node.node) ? null : failure);
  },
  couldHelp: (pod, event) => turnsGood(event, nodeRequirement(pod) ?? (() => true)),
};

export const nodePorts: Filter = {
  name: 'NodePorts',
  prepare(pod) {
    const wanted = hostPortsOf(pod);
    if (wanted.length === 0) return undefined;
    const failure = { reasons: ["node(s) didn't have free ports for the requested pod ports"] };
    return (node) => (wanted.some((port) => isTaken(port, node.hostPorts)) ? failure : null);
  },
  couldHelp(pod, event) {
    if (event.kind === 'nodeAdded') return true;
    if (event.kind !== 'podDeleted') return false;
    const freed = new Map(hostPortsOf(event.pod).map((port) => [port, 1]));
    return hostPortsOf(pod).some((port) => isTaken(port, freed));
  },
};

function isTaken(port: string, used: ReadonlyMap<string, number>): boolean {
  if (used.size === 0) return false;
  if (used.has(port)) return true;
  const ipAt = port.lastIndexOf('/') + 1;
  const prefix = port.slice(0, ipAt);
  if (port.slice(ipAt) !== '0.0.0.0') return used.has(`${prefix}0.0.0.0`);
  for (const other of used.keys()) if (other.startsWith(prefix)) return true;
  return false;
}

export const nodeResourcesFit: Filter = {
  name: 'NodeResourcesFit',
  prepare(pod) {
    const requests = podRequests(pod);
    const cpu = requests.get('cpu') ?? 0;
    const memory = requests.get('memory') ?? 0;
    const others = [...requests].filter(([name, amount]) => amount > 0 && name !== 'cpu' && name !== 'memory');
    return (node) => {
      let reasons: string[] | undefined;
      let unresolvable = false;
      if (node.pods.size + 1 > node.allowedPods) reasons = ['Too many pods'];
      if (cpu > 0 && cpu > node.cpu.allocatable - node.cpu.requested) {
        (reasons ??= []).push('Insufficient cpu');
        if (cpu > node.cpu.allocatable) unresolvable = true;
      }
      if (memory > 0 && memory > node.memory.allocatable - node.memory.requested) {
        (reasons ??= []).push('Insufficient memory');
        if (memory > node.memory.allocatable) unresolvable = true;
      }
      for (const [name, amount] of others) {
        const allocatable = node.allocatable.get(name) ?? 0;
        if (amount <= allocatable - (node.requested.get(name) ?? 0)) continue;
        (reasons ??= []).push(`Insufficient ${name}`);
        if (amount > allocatable) unresolvable = true;
      }
      return reasons ? { reasons, unresolvable } : null;
    };
  },
  couldHelp(_pod, event) {
    switch (event.kind) {
      case 'podDeleted':
      case 'nodeAdded':
        return true;
      case 'podUpdated': {
        const before = heldRequests(event.old);
        const after = heldRequests(event.pod);
        return [...before].some(([name, amount]) => (after.get(name) ?? 0) < amount);
      }
      case 'nodeUpdated':
        return JSON.stringify(event.node.status?.allocatable) !== JSON.stringify(event.old.status?.allocatable);
      case 'nodeDeleted':
      case 'podAdded':
      case 'volumesChanged':
        return false;
    }
  },
};

/** A node that is good, and was not there or not good before. */
function turnsGood(event: ClusterEvent, isGood: (node: Node) => boolean): boolean {
  if (event.kind === 'nodeAdded') return isGood(event.node);
  return event.kind === 'nodeUpdated' && isGood(event.node) && !isGood(event.old);
}
