import { describe, expect, it } from 'vitest';
import type { Service } from '../api/types/core-v1.ts';
import { createHostPorts, type HostPort, type RelayTarget, wantedHostPorts } from './host-ports.ts';

function service(name: string, options: { type?: string; said?: string } = {}): Service {
  const { type = 'LoadBalancer', said } = options;
  const annotations: Record<string, string> = said === undefined ? {} : { 'timonel.dev/host-ports': said };
  return { metadata: { name, namespace: 'default', annotations }, spec: { type, ports: [{ port: 80 }] } };
}

function world(taken: number[] = []) {
  const log: string[] = [];
  const ports = createHostPorts({
    holder: {
      take: ({ hostPort }: HostPort) => Promise.resolve(taken.includes(hostPort) ? 'EADDRINUSE' : undefined),
      release: ({ hostPort }) => void log.push(`release ${hostPort}`),
    },
    onGranted: (key) => void log.push(`granted ${key}`),
    onRefused: ({ metadata }, { hostPort }, reason) => void log.push(`${metadata.name} ${hostPort}: ${reason}`),
  });
  return { ports, log };
}

describe('ports of the host', () => {
  it('are those of a load balancer, or what the annotation says', () => {
    expect(wantedHostPorts(service('a'))).toEqual([{ hostPort: 80, port: 80, protocol: 'tcp' }]);
    expect(wantedHostPorts(service('a', { said: 'none' }))).toEqual([]);
    expect(wantedHostPorts(service('a', { type: 'ClusterIP' }))).toEqual([]);
    expect(wantedHostPorts(service('a', { type: 'ClusterIP', said: '127.0.0.1:8080:80, 9000:90/udp,x' }))).toEqual([
      { ip: '127.0.0.1', hostPort: 8080, port: 80, protocol: 'tcp' },
      { hostPort: 9000, port: 90, protocol: 'udp' },
    ]);
  });

  it('relay to IPv6 what the kernel does not lead there', async () => {
    const targets = new Map<string, RelayTarget>();
    const ports = createHostPorts({
      holder: {
        take: ({ hostPort, hasIpv6 }: HostPort, relayTo) => {
          targets.set(`${hostPort}${hasIpv6 ? ' and [::1]' : ''}`, relayTo);
          return Promise.resolve(undefined);
        },
        release: ({ hostPort, hasIpv6 }) => void targets.delete(`${hostPort}${hasIpv6 ? ' and [::1]' : ''}`),
      },
      ...{ onGranted: () => undefined, onRefused: () => undefined },
    });
    const at = (...clusterIPs: string[]): Service => {
      const { metadata, spec } = service('a', { said: '8080:80' });
      return { metadata, spec: { ...spec, clusterIPs } };
    };
    ports.set('default/a', at('10.96.0.7'));
    await Promise.resolve();
    expect([...targets].map(([name, relayTo]) => [name, relayTo('IPv4')])).toEqual([['8080', undefined]]);
    ports.set('default/a', at('10.96.0.7', 'fd00::7'));
    await Promise.resolve();
    const both = targets.get('8080 and [::1]');
    expect([targets.size, both?.('IPv4'), both?.('IPv6')]).toEqual([1, undefined, { host: 'fd00::7', port: 80 }]);
    ports.set('default/a', at('fd00::7'));
    expect(both?.('IPv4')).toEqual({ host: 'fd00::7', port: 80 });
    const balanced = { ...at('fd00::7'), status: { loadBalancer: { ingress: [{ ip: 'fd00::3:1' }] } } };
    ports.set('default/a', balanced);
    expect(both?.('IPv4')?.host).toBe('fd00::3:1');
    ports.set('default/a', undefined);
    expect([targets.size, both?.('IPv6')]).toEqual([0, undefined]);
  });

  it('go to the first service that asks; the next is told once, and gets them when they are free', async () => {
    const { ports, log } = world();
    ports.set('default/a', service('a'));
    ports.set('default/b', service('b'));
    ports.set('default/b', service('b'));
    await Promise.resolve();
    expect(log).toEqual(["b 80: it is service default/a's", 'granted default/a']);
    expect([ports.granted('default/a').length, ports.granted('default/b').length]).toEqual([1, 0]);
    ports.set('default/a', undefined);
    await Promise.resolve();
    expect(log.slice(2)).toEqual(['release 80', 'granted default/b']);
    expect(ports.granted('default/b')).toHaveLength(1);
  });

  it('that another program has are refused, and asked for again when the service changes', async () => {
    const taken = [80];
    const { ports, log } = world(taken);
    ports.set('default/a', service('a'));
    await Promise.resolve();
    expect(log).toEqual(['a 80: another program listens there']);
    taken.pop();
    ports.set('default/a', service('a'));
    await Promise.resolve();
    expect(log[1]).toBe('granted default/a');
  });
});
