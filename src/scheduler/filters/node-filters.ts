import { matchesNodeAffinity } from '../../api/node-selector.ts';
import { podRequests } from '../../api/pod-resources.ts';
import { isTolerated } from '../../api/taints.ts';
import { hostPortsOf } from '../cluster-cache.ts';
import type { Filter } from '../plugin.ts';

/** The filters that look at one node alone. Names and reasons are those of the upstream scheduler's plugins. */

export const nodeName: Filter = {
  name: 'NodeName',
  retryOn: ['nodeAdded'],
  prepare(pod) {
    const wanted = pod.spec?.nodeName;
    if (!wanted) return undefined;
    const failure = { reasons: ["node(s) didn't match the requested node name"], unresolvable: true };
    return (node) => (node.name === wanted ? null : failure);
  },
};

const unschedulableTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: Filter = {
  name: 'NodeUnschedulable',
  retryOn: ['nodeAdded', 'nodeUpdated'],
  prepare(pod) {
    if (isTolerated(unschedulableTaint, pod.spec?.tolerations)) return undefined;
    const failure = { reasons: ['node(s) were unschedulable'], unresolvable: true };
    return (node) => (node.node.spec?.unschedulable ? failure : null);
  },
};

export const taintToleration: Filter = {
  name: 'TaintToleration',
  retryOn: ['nodeAdded', 'nodeUpdated'],
  prepare(pod) {
    const tolerations = pod.spec?.tolerations;
    return (node) => {
      for (const taint of node.node.spec?.taints ?? []) {
        if (taint.effect === 'PreferNoSchedule' || isTolerated(taint, tolerations)) continue;
        const reason = `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
        return { reasons: [reason], unresolvable: true };
      }
      return null;
    };
  },
};

export const nodeAffinity: Filter = {
  name: 'NodeAffinity',
  retryOn: ['nodeAdded', 'nodeUpdated'],
  prepare(pod) {
    const spec = pod.spec;
    if (!spec?.nodeSelector && !spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution) {
      return undefined;
    }
    const failure = { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true };
    return (node) => (matchesNodeAffinity(pod, node.node) ? null : failure);
  },
};

export const nodePorts: Filter = {
  name: 'NodePorts',
  retryOn: ['nodeAdded', 'podDeleted'],
  prepare(pod) {
    const wanted = hostPortsOf(pod);
    if (wanted.length === 0) return undefined;
    const failure = { reasons: ["node(s) didn't have free ports for the requested pod ports"] };
    return (node) => (wanted.some((port) => isTaken(port, node.hostPorts)) ? failure : null);
  },
};

function isTaken(port: string, used: ReadonlySet<string>): boolean {
  if (used.has(port)) return true;
  const [protocol, number, ip] = port.split('/');
  if (ip !== '0.0.0.0') return used.has(`${protocol}/${number}/0.0.0.0`);
  for (const other of used) if (other.startsWith(`${protocol}/${number}/`)) return true;
  return false;
}

export const nodeResourcesFit: Filter = {
  name: 'NodeResourcesFit',
  retryOn: ['nodeAdded', 'nodeUpdated', 'podDeleted'],
  prepare(pod) {
    const requests = [...podRequests(pod)].filter(([, amount]) => amount > 0);
    return (node) => {
      let reasons: string[] | undefined;
      let unresolvable = false;
      if (node.pods.size + 1 > (node.allocatable.get('pods') ?? Infinity)) reasons = ['Too many pods'];
      for (const [name, amount] of requests) {
        const allocatable = node.allocatable.get(name) ?? 0;
        if (amount <= allocatable - (node.requested.get(name) ?? 0)) continue;
        (reasons ??= []).push(`Insufficient ${name}`);
        if (amount > allocatable) unresolvable = true;
      }
      return reasons ? { reasons, unresolvable } : null;
    };
  },
};
