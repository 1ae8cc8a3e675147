import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { lease } from '../coordination/lease.ts';
import { namespace } from './namespace.ts';
import { node } from './node.ts';

function row(object: AnyObject, now = 0): Record<string, unknown> {
  return Object.fromEntries((node.columns ?? []).map(({ name, value }) => [name, value(object, now)]));
}

function messages(found: { field?: string; message?: string }[] | undefined): string[] {
  return (found ?? []).map(({ field, message }) => `${field}: ${message}`);
}

describe('nodes', () => {
  it('may be created with a status, as node agents register them', () => {
    const made = (status?: object): unknown => {
      const object: AnyObject = { metadata: { name: 'n' }, ...(status && { status }) };
      node.prepareForCreate?.(object, { now: 0 });
      return object.status;
    };
    expect(made({ capacity: { cpu: '1' } })).toEqual({ capacity: { cpu: '1' } });
    expect(made()).toEqual({});
  });

  it('print their state, roles, addresses and system', () => {
    const object = {
      metadata: {
        name: 'dev-1',
        creationTimestamp: '2026-01-01T00:00:00Z',
        labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' },
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        nodeInfo: {
          kubeletVersion: 'v1.36.0',
          osImage: 'Debian 12',
          kernelVersion: '6.1',
          containerRuntimeVersion: 'containerd://1.6',
        },
      },
    };
    expect(row(object, Date.parse('2026-01-01T00:00:30Z'))).toEqual({
      Name: 'dev-1',
      Status: 'Ready,SchedulingDisabled',
      Roles: 'control-plane,worker',
      Age: '30s',
      Version: 'v1.36.0',
      'Internal-IP': '10.0.0.1',
      'External-IP': '<none>',
      'OS-Image': 'Debian 12',
      'Kernel-Version': '6.1',
      'Container-Runtime': 'containerd://1.6',
    });
  });

  it.each([
    [[], 'Unknown'],
    [[{ type: 'Ready', status: 'Unknown' }], 'NotReady'],
  ])('with conditions %j are %s', (conditions, text) => {
    expect(row({ metadata: {}, status: { conditions } }).Status).toBe(text);
  });

  it('may lend what they have, unless they say otherwise', () => {
    const object = { metadata: {}, spec: { podCIDR: '10.1.0.0/24' }, status: { capacity: { cpu: '2' } } };
    node.defaults?.(object);
    expect(object).toMatchObject({ spec: { podCIDRs: ['10.1.0.0/24'] }, status: { allocatable: { cpu: '2' } } });
  });

  it('refuse bad taints and a second pod range', () => {
    const taints = [
      { key: 'a', effect: 'NoSchedule' },
      { key: 'a', effect: 'NoSchedule' },
      { key: 'b', effect: 'Never' },
    ];
    expect(messages(node.validate?.({ metadata: {}, spec: { taints } }))).toEqual([
      'spec.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}',
      'spec.taints[2].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ]);
    const old = { metadata: {}, spec: { podCIDRs: ['10.1.0.0/24'] } };
    const moved = { metadata: {}, spec: { podCIDRs: ['10.2.0.0/24'] } };
    expect(messages(node.validateUpdate?.(moved, old, ''))).toEqual([
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    ]);
  });

  it('count pods, disks and foreign devices', () => {
    const capacity = { cpu: '2', memory: '8Gi', pods: '110', 'ephemeral-storage': '10Gi', 'example.com/gpu': '1' };
    expect(messages(node.validate?.({ metadata: {}, status: { capacity } }))).toEqual([]);
  });
});

describe('namespaces', () => {
  it('begin active, with their own finalizer and a label of their name', () => {
    const object: AnyObject = { metadata: { name: 'team' }, status: { phase: 'Terminating' } };
    namespace.defaults?.(object);
    namespace.prepareForCreate?.(object, { now: 0 });
    expect(object).toEqual({
      metadata: { name: 'team', labels: { 'kubernetes.io/metadata.name': 'team' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  it('give finalizers back through finalize only', () => {
    const old: AnyObject = {
      metadata: { name: 'a' },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    };
    const update = (subresource: string): AnyObject => {
      const object: AnyObject = { metadata: { name: 'a' }, spec: { finalizers: [] }, status: { phase: 'x' } };
      namespace.prepareForUpdate?.(object, old, subresource, { now: 0 });
      return object;
    };
    expect(update('')).toMatchObject({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
    expect(update('finalize')).toMatchObject({ spec: { finalizers: [] }, status: { phase: 'Active' } });
    expect(update('status')).toMatchObject({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'x' } });
  });

  it('have names that are DNS labels', () => {
    expect(namespace.validateName?.('team-a')).toBeUndefined();
    expect(namespace.validateName?.('team.a')).toBe('must not contain dots');
  });
});

describe('leases', () => {
  it('last for a time and have a holder', () => {
    const object = { metadata: {}, spec: { holderIdentity: '', leaseDurationSeconds: 0 } };
    expect(messages(lease.validate?.(object))).toEqual([
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.holderIdentity: Invalid value: "": must not be empty',
    ]);
  });
});
