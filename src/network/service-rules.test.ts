import { describe, expect, it } from 'vitest';
import type { Service } from '../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../api/types/discovery-v1.ts';
import { differenceScript, fullScript } from './nft-script.ts';
import { renderService } from './service-rules.ts';

const scope = { table: 'timonel-dev', nodeName: 'dev-1', serviceCidrs: ['10.96.0.0/16'] };

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
  return fullScript(scope, new Map(inputs.map((input, i) => [String(i), renderService(input, 'dev-1')])));
}

describe('service rules', () => {
  it('spread a cluster IP over ready endpoints in turn', () => {
    const rules = renderService({ service: service(), slices: [slice(here, there)] }, 'dev-1');
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
      renderService({ service: service(), slices: [slice(...endpoints)] }, 'dev-1').chains.get(
        'service/default/web/tcp/8000',
      );
    expect(chain(here, leaving)).toEqual(['meta l4proto tcp dnat to 10.244.1.2:5000']);
    expect(chain(leaving)).toEqual(['meta l4proto tcp dnat to 10.244.2.3:5000']);
    expect(chain(dead)).toBeUndefined();
  });

  it('keep to local endpoints where the traffic policy says so', () => {
    const rules = renderService(
      { service: service({ internalTrafficPolicy: 'Local' }), slices: [slice(here, there)] },
      'dev-1',
    );
    expect(rules.chains.get('service/default/web/tcp/8000')).toEqual(['meta l4proto tcp dnat to 10.244.1.2:5000']);
  });

  it('masquerade what comes in through a node port, but not with the Local policy', () => {
    const ports = [{ port: 8000, nodePort: 30080, protocol: 'TCP' }];
    const cluster = renderService(
      { service: service({ type: 'NodePort', ports }), slices: [slice(here, there)] },
      'dev-1',
    );
    expect(cluster.nodePorts.get('tcp . 30080')).toBe('goto external/default/web/tcp/8000');
    expect(cluster.chains.get('external/default/web/tcp/8000')?.[0]).toContain('meta mark set');
    const local = renderService(
      {
        service: service({ type: 'NodePort', ports, externalTrafficPolicy: 'Local' }),
        slices: [slice(here, there)],
      },
      'dev-1',
    );
    expect(local.nodePorts.get('tcp . 30080')).toBe('goto service/default/web/tcp/8000/local');
  });

  it('make no rules for headless and external-name services', () => {
    for (const spec of [{ clusterIP: 'None' }, { type: 'ExternalName', externalName: 'example.org' }]) {
      const rules = renderService({ service: service(spec), slices: [slice(here)] }, 'dev-1');
      expect([rules.chains.size, rules.serviceIps.size]).toEqual([0, 0]);
    }
  });

  it('render to the same script every time', () => {
    expect(scriptOf({ service: service({ sessionAffinity: 'ClientIP' }), slices: [slice(here, there)] }))
      .toMatchInlineSnapshot(`
      "add table ip timonel-dev
      delete table ip timonel-dev
      table ip timonel-dev {
        map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
        map node-ports { type inet_proto . inet_service : verdict; }
        set hairpins { type ipv4_addr . ipv4_addr; }
        chain services {
          ip daddr . meta l4proto . th dport vmap @service-ips
          fib daddr type local meta l4proto . th dport vmap @node-ports
        }
        chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
        chain output { type nat hook output priority -100; policy accept; jump services; }
        chain postrouting {
          type nat hook postrouting priority srcnat; policy accept;
          meta mark & 0x4000 == 0x4000 masquerade
          ct status dnat ip saddr . ip daddr @hairpins masquerade
          ct status dnat ip saddr 127.0.0.0/8 masquerade
        }
        chain refuse {
          ip daddr { 10.96.0.0/16 } ct state new meta l4proto tcp reject with tcp reset
          ip daddr { 10.96.0.0/16 } ct state new reject
        }
        chain forward { type filter hook forward priority filter; policy accept; jump refuse; }
        chain filter-output { type filter hook output priority filter; policy accept; jump refuse; }
      }
      add chain ip timonel-dev endpoint/default/web/tcp/8000/10.244.1.2/5000
      add chain ip timonel-dev endpoint/default/web/tcp/8000/10.244.2.3/5000
      add chain ip timonel-dev service/default/web/tcp/8000
      add set ip timonel-dev affinity/default/web/tcp/8000/10.244.1.2/5000/10800s { type ipv4_addr; flags dynamic,timeout; timeout 10800s; }
      add set ip timonel-dev affinity/default/web/tcp/8000/10.244.2.3/5000/10800s { type ipv4_addr; flags dynamic,timeout; timeout 10800s; }
      add rule ip timonel-dev endpoint/default/web/tcp/8000/10.244.1.2/5000 update @affinity/default/web/tcp/8000/10.244.1.2/5000/10800s { ip saddr }
      add rule ip timonel-dev endpoint/default/web/tcp/8000/10.244.1.2/5000 meta l4proto tcp dnat to 10.244.1.2:5000
      add rule ip timonel-dev endpoint/default/web/tcp/8000/10.244.2.3/5000 update @affinity/default/web/tcp/8000/10.244.2.3/5000/10800s { ip saddr }
      add rule ip timonel-dev endpoint/default/web/tcp/8000/10.244.2.3/5000 meta l4proto tcp dnat to 10.244.2.3:5000
      add rule ip timonel-dev service/default/web/tcp/8000 ip saddr @affinity/default/web/tcp/8000/10.244.1.2/5000/10800s goto endpoint/default/web/tcp/8000/10.244.1.2/5000
      add rule ip timonel-dev service/default/web/tcp/8000 ip saddr @affinity/default/web/tcp/8000/10.244.2.3/5000/10800s goto endpoint/default/web/tcp/8000/10.244.2.3/5000
      add rule ip timonel-dev service/default/web/tcp/8000 numgen inc mod 2 vmap { 0 : goto endpoint/default/web/tcp/8000/10.244.1.2/5000, 1 : goto endpoint/default/web/tcp/8000/10.244.2.3/5000 }
      add element ip timonel-dev service-ips { 10.96.0.20 . tcp . 8000 : goto service/default/web/tcp/8000 }
      add element ip timonel-dev hairpins { 10.244.1.2 . 10.244.1.2, 10.244.2.3 . 10.244.2.3 }
      "
    `);
  });

  it('send only the difference', () => {
    const before = renderService({ service: service(), slices: [slice(here)] }, 'dev-1');
    const after = renderService({ service: service(), slices: [slice(here, there)] }, 'dev-1');
    expect(differenceScript(scope, [before], [before])).toBeUndefined();
    expect(differenceScript(scope, [before], [after])).toMatchInlineSnapshot(`
      "flush chain ip timonel-dev service/default/web/tcp/8000
      add rule ip timonel-dev service/default/web/tcp/8000 meta l4proto tcp dnat ip to numgen inc mod 2 map { 0 : 10.244.1.2 . 5000, 1 : 10.244.2.3 . 5000 }
      add element ip timonel-dev hairpins { 10.244.2.3 . 10.244.2.3 }
      "
    `);
    expect(differenceScript(scope, [after], [])).toMatchInlineSnapshot(`
      "delete element ip timonel-dev service-ips { 10.96.0.20 . tcp . 8000 : goto service/default/web/tcp/8000 }
      flush chain ip timonel-dev service/default/web/tcp/8000
      delete element ip timonel-dev hairpins { 10.244.1.2 . 10.244.1.2, 10.244.2.3 . 10.244.2.3 }
      delete chain ip timonel-dev service/default/web/tcp/8000
      "
    `);
  });
});
