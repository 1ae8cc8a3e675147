import { describe, expect, it } from 'vitest';
import type { IpFamily } from '../base/ip-address.ts';
import {
  belongsToCluster,
  dnsAddresses,
  hostAddressOf,
  type NetworkPlan,
  planNetwork,
  planNode,
  serviceRanges,
  stacksOf,
} from './network-plan.ts';

describe('the network plan of a local cluster', () => {
  it('takes the customary ranges when they are free', () => {
    expect(planNetwork({ cluster: 'dev', clusterIndex: 0, taken: ['192.168.0.0/24', '172.17.0.0/16'] })).toMatchObject({
      nodesCidr: '10.89.0.0/24',
      podsCidr: '10.244.0.0/16',
      servicesCidr: '10.96.0.0/16',
      hostAddress: '10.89.0.1',
      apiServiceAddress: '10.96.0.1',
      dnsServiceAddress: '10.96.0.10',
    });
  });

  it('goes on to the next ranges when a route of the host overlaps one of them', () => {
    expect(planNetwork({ cluster: 'dev', clusterIndex: 0, taken: ['10.244.3.0/24'] })?.podsCidr).toBe('10.243.0.0/16');
    expect(planNetwork({ cluster: 'dev', clusterIndex: 0, taken: ['10.96.0.0/12'] })?.servicesCidr).toBe(
      '10.112.0.0/16',
    );
    expect(planNetwork({ cluster: 'dev', clusterIndex: 63, taken: ['10.89.63.0/24'] })?.nodesCidr).toBe('10.89.0.0/24');
  });

  it('says so when nothing is free', () => {
    expect(planNetwork({ cluster: 'dev', clusterIndex: 0, taken: ['10.0.0.0/8'] })).toBeUndefined();
  });

  it('gives every node an address, a part of the pod range and names that fit the kernel', () => {
    const plan = planNetwork({ cluster: 'a-cluster-with-quite-a-long-name', clusterIndex: 2, taken: [] });
    if (!plan) throw new Error('no plan');
    const node = planNode(plan, 'a-cluster-with-quite-a-long-name-12', 12);
    expect(node).toMatchObject({
      address: '10.89.2.13',
      stacks: [{ address: '10.89.2.13', podCidr: '10.242.12.0/24' }],
    });
    expect(Math.max(plan.bridge.length, node.hostLink.length)).toBeLessThanOrEqual(15);
    expect(() => planNode(plan, 'n', 251)).toThrow(RangeError);
  });

  it('takes unique local IPv6 addresses for two families, the same again for the same name', () => {
    const planned = (takenIpv6: string[] = [], families: IpFamily[] = ['IPv4', 'IPv6']): NetworkPlan => {
      const plan = planNetwork({ cluster: 'dev', clusterIndex: 0, taken: [], families, takenIpv6 });
      if (!plan) throw new Error('no plan');
      return plan;
    };
    const plan = planned();
    const [, prefix = ''] = /^(fd[0-9a-f]{2}:1[0-9a-f]{3}:1[0-9a-f]{3})::\/48$/.exec(plan.ipv6?.cidr ?? '') ?? [];
    expect(plan.ipv6).toEqual({
      cidr: `${prefix}::/48`,
      hostAddress: `${prefix}::1`,
      dnsServiceAddress: `${prefix}:2::a`,
      podsCidr: `${prefix}:100::/56`,
      servicesCidr: `${prefix}:2::/112`,
      loadBalancersCidr: `${prefix}:3::/112`,
    });
    expect(planned()).toEqual(plan);
    const sixth = { family: 'IPv6', address: `${prefix}::10`, podCidr: `${prefix}:10f::/64` };
    expect(planNode(plan, 'dev-15', 15).stacks[1]).toEqual(sixth);
    expect(planNode(planned([], ['IPv6', 'IPv4']), 'dev-15', 15).stacks[0]).toEqual(sixth);
    const alone = planned([], ['IPv6']);
    expect(planNode(alone, 'dev-15', 15)).toMatchObject({ address: '10.89.0.16', stacks: [sixth] });
    expect(serviceRanges(alone)).toEqual([`${prefix}:2::/112`, `${prefix}:3::/112`]);
    expect(hostAddressOf(alone)).toBe(`${prefix}::1`);
    expect(dnsAddresses(alone)).toEqual([{ serviceAddress: `${prefix}:2::a`, hostAddress: `${prefix}::1` }]);
    expect(stacksOf(alone)[0].apiServiceAddress).toBe(`${prefix}:2::1`);
    // A plan that was written before plans said their families.
    const { families, ...older } = plan;
    expect(stacksOf(older).map(({ family }) => family)).toEqual(families);
    expect(planned([`${prefix}:0000:0000:0000:0000:0000/48`]).ipv6?.cidr).not.toBe(plan.ipv6?.cidr);
    expect(serviceRanges(plan)).toHaveLength(4);
    expect(planNetwork({ cluster: 'dev', clusterIndex: 0, taken: [] })?.ipv6).toBeUndefined();
  });

  it('tells names of one cluster from those of another whose name begins alike', () => {
    expect(belongsToCluster('timonel-dev.dev-1', 'dev')).toBe(true);
    expect(belongsToCluster('timonel-dev', 'dev')).toBe(true);
    expect(belongsToCluster('timonel-dev-2.dev-2-1', 'dev')).toBe(false);
  });
});
