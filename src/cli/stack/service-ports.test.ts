import { describe, expect, it } from 'vitest';
import { type PortFlags, publishedAfter } from './service-ports.ts';

const service = { stack: 's', service: 'web' };
const annotation = 'timonel.dev/host-ports';

/** The ports after changes, one after the other, as `host -> target` and the annotation. */
function after(...changes: PortFlags[]): unknown {
  let current: ReturnType<typeof publishedAfter>['service'];
  for (const flags of changes) current = publishedAfter(service, current, flags).service;
  return current && [current.spec?.type, ports(current.spec?.ports), current.metadata.annotations?.[annotation]];
}

function ports(list: { port: number; targetPort?: unknown; protocol?: string }[] = []): string[] {
  return list.map(({ port, targetPort, protocol }) => `${port}:${String(targetPort)}/${protocol}`);
}

describe('published ports of a service', () => {
  it('come and go', () => {
    const add = { publishAdd: ['8080:80', 'published=53,target=5353,protocol=udp'] };
    expect(after(add)).toEqual(['LoadBalancer', ['8080:80/TCP', '53:5353/UDP'], undefined]);
    expect(after(add, { publishRm: ['80'] })).toEqual(['LoadBalancer', ['53:5353/UDP'], undefined]);
    expect(after(add, { publishRm: ['8080:80', '5353/udp'] })).toBeUndefined();
    expect(after(add, { publishRm: ['81:80'] })).toEqual(after(add));
    expect(after(add, { publishAdd: ['8080:81'] })).toEqual([
      'LoadBalancer',
      ['53:5353/UDP', '8080:81/TCP'],
      undefined,
    ]);
  });

  it('keep their addresses, and those that the cluster chooses stay open', () => {
    const local = { publishAdd: ['127.0.0.1:8080:80'] };
    expect(after(local)).toEqual(['LoadBalancer', ['8080:80/TCP'], '127.0.0.1:8080:8080']);
    expect(after(local, { publishAdd: ['9090:90'] })).toEqual([
      'LoadBalancer',
      ['8080:80/TCP', '9090:90/TCP'],
      '127.0.0.1:8080:8080,9090:9090',
    ]);
    expect(after({ publishAdd: ['80'] })).toEqual(['NodePort', ['80:80/TCP'], undefined]);
  });

  it('let everybody in to what they lead to, by the policy that the file makes', () => {
    const { policy, policyName } = publishedAfter(service, undefined, { publishAdd: ['8080:80'] });
    expect(policy).toMatchObject({ metadata: { name: policyName }, spec: { ingress: [{ ports: [{ port: 80 }] }] } });
    expect(publishedAfter(service, undefined, { publishRm: ['80'] })).toMatchObject({ policyName: 'published-web' });
  });

  it.each([
    ['70000:80', '70000 is no port from 1 to 65535'],
    ['published=1', 'target is a port'],
    ['target=80,mode=host', 'no mode host here'],
    ['target=80,colour=red', 'invalid field key colour'],
    ['target=80,protocol=x', "invalid protocol value 'x'"],
  ])('%s is none', (text, why) => {
    expect(() => after({ publishAdd: [text] })).toThrow(why);
  });
});
