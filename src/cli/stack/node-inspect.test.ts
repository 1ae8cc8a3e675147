import { describe, expect, it } from 'vitest';
import { dockerNode, prettyNode } from './node-inspect.ts';

const node = dockerNode({
  metadata: {
    ...{ name: 'dev-1', uid: '12345678-9abc-def0-1234-56789abcdef0', resourceVersion: '7' },
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'kubernetes.io/hostname': 'dev-1', disk: 'ssd', 'node-role.kubernetes.io/control-plane': '' },
  },
  spec: { unschedulable: true },
  status: {
    capacity: { cpu: '1500m', memory: '2Ki' },
    addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});

describe('node inspect', () => {
  it('tells of a node in the words of Docker', () => {
    expect(node).toMatchObject({
      ...{ ID: '123456789abc', Version: { Index: 7 }, Status: { State: 'ready', Addr: '10.0.0.1' } },
      Spec: { Labels: { disk: 'ssd' }, Role: 'manager', Availability: 'pause' },
      Description: { Hostname: 'dev-1', Resources: { NanoCPUs: 15e8, MemoryBytes: 2048 } },
    });
  });

  it('has lines for people', () => {
    expect(prettyNode(node).slice(0, 7)).toEqual([
      'ID:\t\t\t123456789abc',
      'Labels:',
      ' - disk=ssd',
      'Hostname:              \tdev-1',
      'Joined at:             \t2026-01-01T00:00:00Z',
      'Status:',
      ' State:\t\t\tready',
    ]);
  });
});
