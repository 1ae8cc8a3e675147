import { describe, expect, it } from 'vitest';
import type { Node, Pod, PodSpec } from '../api/types/core-v1.ts';
import type { AgentNode } from './agent-context.ts';
import { admissionFailure } from './node-admission.ts';
import { newNode, nodeStatus, sameNodeStatus, type NodeObservation } from './node-status.ts';

const agentNode: AgentNode = {
  name: 'node-1',
  addresses: [
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'Hostname', address: 'node-1' },
  ],
  labels: { 'example.com/disk': 'ssd' },
  capacity: { cpu: '2', memory: '4Gi', pods: '110' },
  allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
  podCidrs: ['10.244.1.0/24'],
  kubeletPort: 10250,
  system: {
    machineId: 'm',
    systemUuid: 's',
    bootId: 'b',
    kernelVersion: '6.1',
    osImage: 'Debian',
    architecture: 'amd64',
    kubeletVersion: 'v1.36.0',
  },
};
const observed: NodeObservation = {
  runtimeVersion: 'containerd://1.6.20',
  runtimeReady: true,
  networkReady: true,
  pressures: new Set(),
  message: '',
  images: [
    { id: 'a', tags: ['small:1'], digests: [], sizeBytes: 1, pinned: false },
    { id: 'b', tags: ['big:1'], digests: ['big@sha256:1'], sizeBytes: 9, pinned: false },
  ],
};
const status = (change: Partial<NodeObservation> = {}, old?: Node['status']): NonNullable<Node['status']> =>
  nodeStatus({ node: agentNode, observed: { ...observed, ...change }, old, nowMs: Date.UTC(2026, 0, 1) });

describe('the status of a node', () => {
  it('is what upstream reports', () => {
    expect(status()).toMatchObject({
      addresses: agentNode.addresses,
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      images: [{ names: ['big@sha256:1', 'big:1'] }, { names: ['small:1'] }],
      nodeInfo: { containerRuntimeVersion: 'containerd://1.6.20', kubeletVersion: 'v1.36.0', operatingSystem: 'linux' },
    });
    const ready = status().conditions?.find((condition) => condition.type === 'Ready');
    expect(ready).toMatchObject({ status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' });
  });

  it('says why the node is not ready, and since when', () => {
    const first = status();
    const down = status({ networkReady: false, message: 'cni plugin not initialized' }, first);
    const ready = down.conditions?.find((condition) => condition.type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'KubeletNotReady' });
    expect(ready?.message).toContain('NetworkPluginNotReady message:cni plugin not initialized');
    expect(sameNodeStatus(first, down)).toBe(false);
    expect(sameNodeStatus(first, status({}, first))).toBe(true);
  });

  it('comes with the labels that every node has', () => {
    expect(newNode(agentNode, status())).toMatchObject({
      metadata: {
        labels: { 'kubernetes.io/hostname': 'node-1', 'kubernetes.io/os': 'linux', 'example.com/disk': 'ssd' },
      },
      spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] },
    });
  });
});

describe('a pod that was bound to a node', () => {
  const node: Node = { metadata: { name: 'node-1', labels: { zone: 'a' } }, status: status() };
  const podOf = (uid: string, spec: Partial<PodSpec>): Pod => ({
    metadata: { name: uid, uid },
    spec: { containers: [], ...spec },
  });
  const asks = (uid: string, requests: Record<string, string>): Pod =>
    podOf(uid, { containers: [{ name: 'c', resources: { requests } }] });

  it('is refused when the node has not enough, in the figures of upstream', () => {
    const active = [asks('a', { cpu: '500m' })];
    expect(admissionFailure({ pod: asks('b', { cpu: '1500m' }), active, node })).toBeUndefined();
    expect(admissionFailure({ pod: asks('b', { cpu: '1600m' }), active, node })).toEqual({
      reason: 'OutOfcpu',
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 1600, used: 500, capacity: 2000",
    });
    expect(admissionFailure({ pod: asks('b', { memory: '5Gi' }), active, node })).toMatchObject({
      reason: 'OutOfmemory',
    });
  });

  it('is refused by labels and by host ports', () => {
    const elsewhere = podOf('b', { nodeSelector: { zone: 'b' } });
    expect(admissionFailure({ pod: elsewhere, active: [], node })).toMatchObject({ reason: 'NodeAffinity' });
    const port = (uid: string, hostIP?: string): Pod => {
      const ports = [{ containerPort: 80, hostPort: 80, ...(hostIP && { hostIP }) }];
      return podOf(uid, { containers: [{ name: 'c', ports }] });
    };
    expect(admissionFailure({ pod: port('b'), active: [port('a', '127.0.0.1')], node })).toMatchObject({
      reason: 'NodePorts',
    });
    const apart = admissionFailure({ pod: port('b', '192.0.2.1'), active: [port('a', '127.0.0.1')], node });
    expect(apart).toBeUndefined();
  });

  it('is refused when it is made for another system', () => {
    const refusal = (pod: Pod) => admissionFailure({ pod, active: [], node });
    expect(refusal(podOf('a', { os: { name: 'linux' } }))).toBeUndefined();
    expect(refusal(podOf('a', { os: { name: 'windows' } }))).toEqual({
      reason: 'PodOSNotSupported',
      message: "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS",
    });
    const labelled = podOf('a', {});
    labelled.metadata.labels = { 'kubernetes.io/os': 'windows' };
    expect(refusal(labelled)).toMatchObject({ reason: 'PodOSSelectorNodeLabelDoesNotMatch' });
  });

  it('is refused what is not safe to set of the kernel', () => {
    const asking = (sysctl: string, more: Partial<Pod['spec']> = {}): Pod => {
      return podOf('b', {
        containers: [{ name: 'c' }],
        securityContext: { sysctls: [{ name: sysctl, value: '1' }] },
        ...more,
      });
    };
    const refusal = (pod: Pod, unsafeSysctls: string[] = []) =>
      admissionFailure({ pod, active: [], node, unsafeSysctls })?.message.replace(
        'Pod was rejected: forbidden sysctl: ',
        '',
      );
    expect(admissionFailure({ pod: asking('kernel.msgmax'), active: [], node })).toEqual({
      reason: 'SysctlForbidden',
      message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
    });
    expect(refusal(asking('kernel.shm_rmid_forced'))).toBeUndefined();
    expect(refusal(asking('net/ipv4/tcp_syncookies'))).toBeUndefined();
    expect(refusal(asking('net.core.somaxconn'))).toBe('"net.core.somaxconn" not allowlisted');
    expect(refusal(asking('net.core.somaxconn'), ['net.*'])).toBeUndefined();
    expect(refusal(asking('net.ipv4.tcp_syncookies', { hostNetwork: true }))).toBe(
      '"net.ipv4.tcp_syncookies" not allowed with host Net enabled',
    );
    expect(refusal(asking('kernel.shm_rmid_forced', { hostIPC: true }))).toBe(
      '"kernel.shm_rmid_forced" not allowed with host IPC enabled',
    );
  });
});
