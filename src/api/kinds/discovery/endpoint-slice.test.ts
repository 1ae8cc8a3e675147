import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { endpoints } from '../core/endpoints.ts';
import { endpointSlice } from './endpoint-slice.ts';

function messages(found: { field?: string; message?: string }[] | undefined): string[] {
  return (found ?? []).map(({ field, message }) => `${field}: ${message}`);
}

function make(addresses: string[], fields: object = {}): AnyObject {
  const object = {
    metadata: { name: 'web-1' },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address] })),
    ports: [{ port: 80 }],
    ...fields,
  };
  endpointSlice.defaults?.(object);
  return object;
}

const four = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];

describe('endpoint slices', () => {
  it('complete their ports', () => {
    expect(make(['10.0.0.1']).ports).toEqual([{ port: 80, name: '', protocol: 'TCP' }]);
  });

  it('print the first three addresses and how many more', () => {
    const row = endpointSlice.columns?.map(({ value }) => value(make(four), 0));
    expect(row?.slice(1, 4)).toEqual(['IPv4', '80', '10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...']);
  });

  it('hold addresses of their own kind that are reachable', () => {
    expect(messages(endpointSlice.validate?.(make(['fd00::1', '127.0.0.1'])))).toEqual([
      'endpoints[0].addresses[0]: Invalid value: "fd00::1": must be an IPv4 address',
      'endpoints[1].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ]);
    expect(messages(endpointSlice.validateUpdate?.(make([], { addressType: 'IPv6' }), make([]), ''))).toEqual([
      'addressType: Invalid value: "IPv6": field is immutable',
    ]);
  });

  it('told node and zone in a topology map, in v1beta1', () => {
    const topology = { 'kubernetes.io/hostname': 'n1', 'topology.kubernetes.io/zone': 'z1', rack: 'r1' };
    const object = make([], { endpoints: [{ addresses: ['10.0.0.1'], topology }] });
    const old = endpointSlice.versions.find(({ version }) => version === 'v1beta1')!;
    old.toStorage?.(object);
    expect(object.endpoints).toEqual([
      { addresses: ['10.0.0.1'], nodeName: 'n1', zone: 'z1', deprecatedTopology: { rack: 'r1' } },
    ]);
    old.fromStorage?.(object);
    expect(object.endpoints).toMatchObject([{ topology, nodeName: 'n1' }]);
  });
});

describe('endpoints', () => {
  it('print address and port, three of them', () => {
    const object = { metadata: {}, subsets: [{ addresses: four.map((ip) => ({ ip })), ports: [{ port: 80 }] }] };
    const text = endpoints.columns?.[1]?.value(object, 0);
    expect(text).toBe('10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...');
    expect(endpoints.columns?.[1]?.value({ metadata: {} }, 0)).toBe('<none>');
  });

  it('need addresses, and names for several ports', () => {
    const object = { metadata: {}, subsets: [{ ports: [{ port: 80 }, { port: 81 }] }] };
    endpoints.defaults?.(object);
    expect(messages(endpoints.validate?.(object))).toEqual([
      'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[1].name: Required value',
    ]);
  });
});
