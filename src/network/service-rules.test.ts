import { describe, expect, it } from 'vitest';
import type { Service } from '../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../api/types/discovery-v1.ts';
import { differenceScript, fullScript } from './nft-script.ts';
import { renderService, type ServiceRules } from './service-rules.ts';

const scope = { family: 'ip', table: 'timonel-dev', nodeName: 'dev-1', serviceCidrs: ['10.96.0.0/16'] } as const;
const plain = { moreRanges: [], isCrowded: false };

function service(spec: Service['spec'] = {}): Service {
  return {
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: '10.96.0.20', ports: [{ port: 8000, protocol: 'TCP' }], ...spec },
  };
}

function slice(...endpoints: Endpoint[]): EndpointSlice {
  return {
    metadata: { name: 'web-x', namespace: 'default' },
    addressType: 'IPv4',
    ports: [{ port: 5000, protocol: 'TCP' }],
    endpoints,
  };
}

const here: Endpoint = { addresses: ['10.244.1.2'], nodeName: 'dev-1', conditions: { ready: true } };
const there: Endpoint = { addresses: ['10.244.2.3'], nodeName: 'dev-2', conditions: { ready: true } };

function scriptOf(...inputs: { service: Service; slices: EndpointSlice[] }[]): string {
  return fullScript(
    scope,
    new Map(inputs.map((input, i) => [String(i), renderService(input, { nodeName: 'dev-1' })])),
    plain,
  );
}

describe('service rules', () => {
  it('spread a cluster IP over ready endpoints in turn', () => {
    const rules = renderService({ service: service(), slices: [slice(here, there)] }, { nodeName: 'dev-1' });
    expect(Object.fromEntries(rules.serviceIps)).toEqual({
      '10.96.0.20 . tcp . 8000': 'goto service/default/web/tcp/8000',
    });
    expect(rules.chains.get('service/default/web/tcp/8000')).toEqual([
      'meta l4proto tcp dnat ip to numgen inc mod 2 map { 0 : 10.244.1.2 . 5000, 1 : 10.244.2.3 . 5000 }',
    ]);
  });

  it('leave out endpoints that are not ready, unless they are the last that serve', () => {
    const leaving: Endpoint = { ...there, conditions: { ready: false, serving: true, terminating: true } };
    const dead: Endpoint = { ...there, conditions: { ready: false, serving: false } };
    const chain = (...endpoints: Endpoint[]): unknown =>
      renderService({ service: service(), slices: [slice(...endpoints)] }, { nodeName: 'dev-1' }).chains.get(
        'service/default/web/tcp/8000',
      );
    expect(chain(here, leaving)).toEqual(['meta l4proto tcp dnat to 10.244.1.2:5000']);
    expect(chain(leaving)).toEqual(['meta l4proto tcp dnat to 10.244.2.3:5000']);
    expect(chain(dead)).toBeUndefined();
  });

  it('keep to local endpoints where the traffic policy says so', () => {
    const rules = renderService(
      { service: service({ internalTrafficPolicy: 'Local' }), slices: [slice(here, there)] },
      { nodeName: 'dev-1' },
    );
    expect(rules.chains.get('service/default/web/tcp/8000/local')).toEqual([
      'meta l4proto tcp dnat to 10.244.1.2:5000',
    ]);
  });

  it('masquerade what comes in through a node port, but not with the Local policy', () => {
    const ports = [{ port: 8000, nodePort: 30080, protocol: 'TCP' }];
    const cluster = renderService(
      { service: service({ type: 'NodePort', ports }), slices: [slice(here, there)] },
      { nodeName: 'dev-1' },
    );
    expect(cluster.nodePorts.get('tcp . 30080')).toBe('goto external/default/web/tcp/8000');
    expect(cluster.chains.get('external/default/web/tcp/8000')?.[0]).toContain('meta mark set');
    const local = renderService(
      {
        service: service({ type: 'NodePort', ports, externalTrafficPolicy: 'Local' }),
        slices: [slice(here, there)],
      },
      { nodeName: 'dev-1' },
    );
    expect(local.chains.get('external/default/web/tcp/8000')).toEqual([
      'fib saddr type local meta mark set meta mark or 0x4000 goto service/default/web/tcp/8000',
      'goto service/default/web/tcp/8000/local',
    ]);
  });

  it('keep a client with its endpoint by whatever address of the service it comes', () => {
    const ports = [{ port: 8000, nodePort: 30080, protocol: 'TCP' }];
    const spec = { type: 'NodePort', ports, sessionAffinity: 'ClientIP' };
    const rules = renderService({ service: service(spec), slices: [slice(here, there)] }, { nodeName: 'dev-1' });
    const chain = 'service/default/web/tcp/8000';
    expect(rules.serviceIps.get('10.96.0.20 . tcp . 8000')).toBe(`goto ${chain}`);
    expect(rules.chains.get('external/default/web/tcp/8000')?.at(-1)).toBe(`goto ${chain}`);
    expect(rules.affinitySets.size).toBe(2);
  });

  it('drop what comes from outside to a node without endpoints of its own, where the policy is Local', () => {
    const ports = [{ port: 8000, nodePort: 30080, protocol: 'TCP' }];
    const spec = { type: 'NodePort', ports, externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' };
    const place = { nodeName: 'dev-1', podCidr: '10.244.1.0/24' };
    const rules = renderService({ service: service(spec), slices: [slice(there)] }, place);
    expect(rules.serviceIps.get('10.96.0.20 . tcp . 8000')).toBe('drop');
    expect(rules.chains.get('external/default/web/tcp/8000')).toEqual([
      'ip saddr 10.244.1.0/24 goto service/default/web/tcp/8000',
      'fib saddr type local meta mark set meta mark or 0x4000 goto service/default/web/tcp/8000',
      'drop',
    ]);
    // The host is no node.
    const host = renderService({ service: service(spec), slices: [slice(there)] }, { nodeName: undefined });
    expect(host.serviceIps.get('10.96.0.20 . tcp . 8000')).toBe('goto service/default/web/tcp/8000');
    expect(host.nodePorts.get('tcp . 30080')).toBe('goto service/default/web/tcp/8000');
  });

  it('let only the source ranges in through a load balancer and the host ports, but all through a node port', () => {
    const balanced = service({
      type: 'LoadBalancer',
      ports: [{ port: 80, nodePort: 30080 }],
      loadBalancerSourceRanges: ['10.0.0.0/8', 'fd00::/8'],
    });
    balanced.status = { loadBalancer: { ingress: [{ ip: '10.90.0.1' }, { ip: '10.90.0.2', ipMode: 'Proxy' }] } };
    const hostPorts = [
      { hostPort: 8080, port: 80, protocol: 'tcp' },
      { ip: '127.0.0.1', hostPort: 81, port: 80, protocol: 'tcp' },
    ];
    const rules = renderService({ service: balanced, slices: [slice(here)] }, { nodeName: undefined, hostPorts });
    const firewall = 'goto firewall/default/web/tcp/80';
    expect(Object.fromEntries(rules.nodePorts)).toEqual({
      'tcp . 30080': 'goto external/default/web/tcp/80',
      'tcp . 8080': firewall,
    });
    expect(Object.fromEntries(rules.serviceIps)).toEqual({
      '10.96.0.20 . tcp . 80': 'goto service/default/web/tcp/80',
      '10.90.0.1 . tcp . 80': firewall,
      '127.0.0.1 . tcp . 81': firewall,
    });
    expect(rules.chains.get('firewall/default/web/tcp/80')).toEqual([
      'ip saddr { 10.0.0.0/8 } goto external/default/web/tcp/80',
      'drop',
    ]);
  });

  it('prefer the node, then the zone, that hints name', () => {
    const hinted = (endpoint: Endpoint, node: string, zone: string): Endpoint => ({
      ...endpoint,
      hints: { forNodes: [{ name: node }], forZones: [{ name: zone }] },
    });
    const slices = [slice(hinted(here, 'dev-1', 'a'), hinted(there, 'dev-2', 'b'))];
    const chain = (nodeName: string, zone: string, given = slices): string[] | undefined => {
      const rules = renderService({ service: service(), slices: given }, { nodeName, zone });
      return rules.chains.get('service/default/web/tcp/8000')?.slice();
    };
    expect(chain('dev-2', 'a')).toEqual(['meta l4proto tcp dnat to 10.244.2.3:5000']);
    expect(chain('dev-3', 'a')).toEqual(['meta l4proto tcp dnat to 10.244.1.2:5000']);
    expect(chain('dev-3', 'c')?.[0]).toContain('mod 2');
    expect(chain('dev-2', 'b', [slice(here, hinted(there, 'dev-2', 'b'))])?.[0]).toContain('mod 2');
  });

  it('spread as the annotation says', () => {
    const chain = (annotations: Record<string, string>): string => {
      const annotated = { ...service(), metadata: { name: 'web', namespace: 'default', annotations } };
      const named = (endpoint: Endpoint, name: string): Endpoint => ({ ...endpoint, targetRef: { kind: 'Pod', name } });
      const slices = [slice(named(here, 'a'), named(there, 'b'))];
      const rules = renderService({ service: annotated, slices }, { nodeName: 'dev-1' });
      return rules.chains.get('service/default/web/tcp/8000')?.[0] ?? '';
    };
    expect(chain({ 'timonel.dev/weights': 'a:2,b:1' })).toMatch(/numgen inc mod 1000 map/);
    expect(chain({ 'timonel.dev/weights': 'a:3,b:1' })).toBe(
      'meta l4proto tcp dnat ip to numgen inc mod 4 map { 0 : 10.244.1.2 . 5000, 1 : 10.244.1.2 . 5000, ' +
        '2 : 10.244.2.3 . 5000, 3 : 10.244.1.2 . 5000 }',
    );
    expect(chain({ 'timonel.dev/load-balancing': 'source-ip-hash' })).toContain('jhash ip saddr mod 1021');
  });

  it('share a rule where nothing is asked for and there are many services', () => {
    const place = { nodeName: 'dev-1', isCrowded: true };
    const { chains, serviceIps, shared } = renderService({ service: service(), slices: [slice(here, there)] }, place);
    expect([chains.size, serviceIps.size]).toEqual([0, 0]);
    expect([...shared].map(([count, elements]) => [count, [...elements]])).toEqual([
      [
        2,
        [
          ['10.96.0.20 . tcp . 8000 . 0', '10.244.1.2 . 5000'],
          ['10.96.0.20 . tcp . 8000 . 1', '10.244.2.3 . 5000'],
        ],
      ],
    ]);
    const sticky = service({ sessionAffinity: 'ClientIP' });
    expect(renderService({ service: sticky, slices: [slice(here, there)] }, place).shared.size).toBe(0);
    const inTurn = service();
    inTurn.metadata.annotations = { 'timonel.dev/load-balancing': 'round-robin' };
    expect(renderService({ service: inTurn, slices: [slice(here)] }, place).shared.size).toBe(0);
    inTurn.metadata.annotations = { 'timonel.dev/load-balancing': 'random' };
    expect([...renderService({ service: inTurn, slices: [slice(here)] }, place).shared.keys()]).toEqual([1]);
    expect(renderService({ service: inTurn, slices: [slice(here)] }, { nodeName: 'dev-1' }).shared.size).toBe(0);
    const crowded = fullScript(scope, new Map(), { moreRanges: ['10.97.0.0/24', '10.96.8.0/24'], isCrowded: true });
    expect(crowded).toContain('numgen random mod 16 map @shared/16\n');
    expect(crowded).toContain('meta l4proto . th dport != @shared-ports return\n');
    expect(crowded).toContain('ip daddr { 10.96.0.0/16, 10.97.0.0/24 } jump turn-away');
  });

  it('share a rule for node ports too, unless these have a policy or other addresses', () => {
    const place = { nodeName: 'dev-1', isCrowded: true };
    const render = (spec: Partial<Service['spec'] & object>): ServiceRules => {
      const published = service({
        type: 'NodePort',
        ports: [{ port: 8000, nodePort: 30080, protocol: 'TCP' }],
        ...spec,
      });
      return renderService({ service: published, slices: [slice(here, there)] }, place);
    };
    const { chains, nodePorts, sharedPorts } = render({});
    expect([chains.size, nodePorts.size]).toEqual([0, 0]);
    expect([...(sharedPorts.get(2) ?? [])]).toEqual([
      ['tcp . 30080 . 0', '10.244.1.2 . 5000'],
      ['tcp . 30080 . 1', '10.244.2.3 . 5000'],
    ]);
    const before = differenceScript(scope, {
      ...{ before: [], after: [render({})], hairpins: { gone: [], added: [] }, endpoints: { gone: [], added: [] } },
    });
    expect(before).toContain('add element ip timonel-dev shared-ports { tcp . 30080 }\n');
    for (const spec of [{ externalTrafficPolicy: 'Local' }, { externalIPs: ['10.90.0.1'] }]) {
      const rules = render(spec);
      expect([rules.sharedPorts.size, rules.nodePorts.size]).toEqual([0, 1]);
    }
  });

  it('lead to the balancer that counts connections, where there is one', () => {
    const counted = service();
    counted.metadata.annotations = { 'timonel.dev/load-balancing': 'least-connections' };
    const chain = (ports: [number, number][]): readonly string[] | undefined => {
      const place = { nodeName: undefined, balancer: { address: '10.89.0.1', ports: new Map(ports) } };
      return renderService({ service: counted, slices: [slice(here, there)] }, place).chains.get(
        'service/default/web/tcp/8000',
      );
    };
    expect(chain([[8000, 30_000]])).toEqual(['meta l4proto tcp dnat to 10.89.0.1:30000']);
    expect(chain([])?.[0]).toContain('numgen inc mod 2');
  });

  it('are of one family each', () => {
    const both = service({
      clusterIP: '10.96.0.20',
      clusterIPs: ['10.96.0.20', 'fd74::20'],
      type: 'NodePort',
      ports: [{ port: 8000, nodePort: 30080 }],
      sessionAffinity: 'ClientIP',
    });
    const sixth: EndpointSlice = { ...slice({ ...here, addresses: ['fd74:1::2'] }), addressType: 'IPv6' };
    const rules = renderService({ service: both, slices: [slice(here), sixth] }, { nodeName: 'dev-1', family: 'ip6' });
    expect([...rules.serviceIps]).toEqual([['fd74::20 . tcp . 8000', 'goto service/default/web/tcp/8000']]);
    expect([...rules.hairpins]).toEqual(['fd74:1::2']);
    const script = fullScript(
      { ...scope, family: 'ip6', serviceCidrs: ['fd74::/112'] },
      new Map([['web', rules]]),
      plain,
    );
    expect(script).not.toMatch(/10\.|ip saddr|ip daddr|ipv4/);
    expect(script).toContain('dnat to [fd74:1::2]:5000');
    expect(script).toContain('ip6 daddr != ::1 fib daddr type local');
  });

  it('refuse connections to external addresses whose service has no endpoint', () => {
    const spec = { type: 'LoadBalancer', externalIPs: ['203.0.113.5', '2001:db8::5'] };
    const status = { loadBalancer: { ingress: [{ ip: '10.90.0.1' }] } };
    const rules = renderService({ service: { ...service(spec), status }, slices: [] }, { nodeName: 'dev-1' });
    expect([...rules.unserved]).toEqual(['203.0.113.5 . tcp . 8000', '10.90.0.1 . tcp . 8000']);
    const served = renderService(
      { service: { ...service(spec), status }, slices: [slice(here)] },
      { nodeName: 'dev-1' },
    );
    expect(served.unserved.size).toBe(0);
  });

  it('lead addresses of a service’s own to its endpoints with every port, or nowhere', () => {
    const annotations = { 'timonel.dev/addresses': '172.20.0.5 fd00::5 x' };
    const own: Service = { metadata: { name: 'db', namespace: 'app', annotations }, spec: { clusterIP: 'None' } };
    const portless = (...endpoints: Endpoint[]): EndpointSlice => ({ ...slice(...endpoints), ports: [] });
    const rules = (...endpoints: Endpoint[]): ServiceRules =>
      renderService({ service: own, slices: [portless(...endpoints)] }, { nodeName: 'dev-1' });
    const chain = 'addresses/app/db';
    const unready: Endpoint = { ...there, conditions: { ready: false, serving: false } };
    const one = rules(here, unready);
    expect([...one.addresses]).toEqual([['172.20.0.5', `goto ${chain}`]]);
    expect(one.chains.get(chain)).toEqual(['dnat to 10.244.1.2']);
    expect([...one.hairpins]).toEqual(['10.244.1.2']);
    expect(rules(there, here).chains.get(chain)).toEqual([
      'dnat ip to numgen inc mod 2 map { 0 : 10.244.1.2, 1 : 10.244.2.3 }',
    ]);
    const none = rules(unready);
    expect([[...none.addresses], [...none.unservedAddresses]]).toEqual([[], ['172.20.0.5']]);
    const still = { gone: [], added: [] };
    const change = { before: [none], after: [one], hairpins: still, endpoints: still };
    expect(differenceScript(scope, change)).toBe(
      [
        `add chain ip timonel-dev ${chain}`,
        'delete element ip timonel-dev unserved-addresses { 172.20.0.5 }',
        `add rule ip timonel-dev ${chain} dnat to 10.244.1.2`,
        `add element ip timonel-dev addresses { 172.20.0.5 : goto ${chain} }`,
        '',
      ].join('\n'),
    );
  });

  it('make no rules for headless and external-name services', () => {
    for (const spec of [{ clusterIP: 'None' }, { type: 'ExternalName', externalName: 'example.org' }]) {
      const rules = renderService({ service: service(spec), slices: [slice(here)] }, { nodeName: 'dev-1' });
      expect([rules.chains.size, rules.serviceIps.size, rules.endpoints.size]).toEqual([0, 0, 0]);
    }
  });

  it('render to the same script every time', async () => {
    const inputs = [{ service: service({ sessionAffinity: 'ClientIP' }), slices: [slice(here, there)] }];
    await expect(scriptOf(...inputs)).toMatchFileSnapshot('service-rules.golden.nft');
  });

  it('send only the difference', () => {
    const before = renderService({ service: service(), slices: [slice(here)] }, { nodeName: 'dev-1' });
    const after = renderService({ service: service(), slices: [slice(here, there)] }, { nodeName: 'dev-1' });
    const still = { gone: [], added: [] };
    expect(
      differenceScript(scope, { before: [before], after: [before], hairpins: still, endpoints: still }),
    ).toBeUndefined();
    const come = { gone: [], added: ['tcp 10.244.2.3 5000'] };
    const more = { before: [before], after: [after], hairpins: { gone: [], added: ['10.244.2.3'] }, endpoints: come };
    expect(differenceScript(scope, more)).toMatchInlineSnapshot(`
      "flush chain ip timonel-dev service/default/web/tcp/8000
      add rule ip timonel-dev service/default/web/tcp/8000 meta l4proto tcp dnat ip to numgen inc mod 2 map { 0 : 10.244.1.2 . 5000, 1 : 10.244.2.3 . 5000 }
      add element ip timonel-dev hairpins { 10.244.2.3 . 10.244.2.3 }
      add element ip timonel-dev leaving { 10.244.2.3 . 5000 }
      delete element ip timonel-dev leaving { 10.244.2.3 . 5000 }
      add element ip timonel-dev gone { 10.244.2.3 . 5000 }
      delete element ip timonel-dev gone { 10.244.2.3 . 5000 }
      "
    `);
    const left = { gone: ['10.244.1.2', '10.244.2.3'], added: [] };
    const lost = { gone: ['tcp 10.244.1.2 5000', 'udp 10.244.1.2 53'], added: [] };
    const none = { before: [after], after: [], hairpins: left, endpoints: lost };
    expect(differenceScript(scope, none)).toMatchInlineSnapshot(`
      "delete element ip timonel-dev service-ips { 10.96.0.20 . tcp . 8000 : goto service/default/web/tcp/8000 }
      flush chain ip timonel-dev service/default/web/tcp/8000
      delete element ip timonel-dev hairpins { 10.244.1.2 . 10.244.1.2, 10.244.2.3 . 10.244.2.3 }
      delete chain ip timonel-dev service/default/web/tcp/8000
      add element ip timonel-dev leaving { 10.244.1.2 . 5000 }
      add element ip timonel-dev gone { 10.244.1.2 . 5000 }
      add chain ip timonel-dev cut-prerouting { type filter hook prerouting priority mangle; policy accept; }
      flush chain ip timonel-dev cut-prerouting
      add rule ip timonel-dev cut-prerouting ct status dnat ct direction original jump cut
      add chain ip timonel-dev cut-output { type filter hook output priority mangle; policy accept; }
      flush chain ip timonel-dev cut-output
      add rule ip timonel-dev cut-output ct status dnat ct direction original jump cut
      "
    `);
  });
});
