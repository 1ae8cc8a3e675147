import { describe, expect, it } from 'vitest';
import { clusterObjects, ingressOf, path, webService } from '../../../test/support/ingress-objects.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Ingress } from '../../api/types/networking-v1.ts';
import type { ProxyPlace } from './config-text.ts';
import type { ProxyModel } from './model.ts';
import { planChange, planLoad } from './plan.ts';
import { renderIngress } from './render.ts';

const place: ProxyPlace = {
  ...{ directory: '/d', runtimeSocket: '/r.sock', jail: '/jail', threads: 2, maxConnections: 1000 },
  entrances: [{ address: '127.0.0.1', clearPort: 8080, tlsPort: 8443 }],
  metrics: '127.0.0.1:9101',
};

function model(ingresses: Ingress[], services: readonly (Service | EndpointSlice)[]): ProxyModel {
  return renderIngress({ ingresses, objects: clusterObjects(...services), defaultCertificate: 'PEM\n' }).model;
}

const one = (service: string): Ingress =>
  ingressOf('i', { rules: [{ host: 'a.example', http: { paths: [path('/', service)] } }] });
const texts = (change: ReturnType<typeof planChange>): string[] | undefined => change?.commands.map(({ text }) => text);

describe('changing a running proxy', () => {
  const before = model([one('a')], webService('a', '10.1.0.1', '10.1.0.2'));
  const { running, files } = planLoad(before, place);

  it('starts from a configuration and maps', () => {
    expect(files.get('haproxy.cfg')?.replaceAll(/backend spare:[1-9].*\n(?: .*\n)+/g, '')).toMatchSnapshot();
    expect(files.get('clear.map')).toBe('a.example/ default:a:80\n');
    expect(files.get('hosts.map')).toBe('a.example a.example\n');
  });

  it('has all addresses on one line, and no line where connections are counted alone', () => {
    const bindsAt = (entrances: ProxyPlace['entrances']): string[] => {
      const text = planLoad(before, { ...place, entrances }).files.get('haproxy.cfg') ?? '';
      return [...text.matchAll(/^ {2}bind (.*)$/gm)].map(([, address = '']) => address);
    };
    const ports = { clearPort: 80, tlsPort: 443 };
    expect(bindsAt([])).toEqual(['127.0.0.1:9101']);
    expect(bindsAt(['127.0.0.1', '::1'].map((address) => ({ address, ...ports })))).toEqual([
      ...['127.0.0.1:80,[::1]:80', '127.0.0.1:443,[::1]:443 ssl crt-list /d/certificates.list', '127.0.0.1:9101'],
    ]);
  });

  it('is nothing when nothing has changed', () => {
    expect(texts(planChange(running, before, place))).toEqual([]);
  });

  it('adds endpoints before it takes others out, and uses their slots again later', () => {
    const second = planChange(running, model([one('a')], webService('a', '10.1.0.2', '10.1.0.3')), place);
    expect(texts(second)).toEqual([
      'add server default:a:80/s3 10.1.0.3:8080 weight 1',
      'enable server default:a:80/s3',
      'set server default:a:80/s1 state maint',
    ]);
    const third = planChange(
      second!.running,
      model([one('a')], webService('a', '10.1.0.2', '10.1.0.3', '10.1.0.4')),
      place,
    );
    expect(texts(third)).toEqual([
      'set server default:a:80/s1 addr 10.1.0.4 port 8080',
      'set server default:a:80/s1 weight 1',
      'set server default:a:80/s1 state ready',
    ]);
  });

  it('gives a new service a spare backend, and has it back when the service goes', () => {
    const both = model([one('b')], [...webService('a', '10.1.0.1'), ...webService('b', '10.1.0.9')]);
    const change = planChange(running, both, place);
    expect(texts(change)).toEqual([
      'add server spare:0/s1 10.1.0.9:8080 weight 1',
      'enable server spare:0/s1',
      'set map /d/clear.map a.example/ spare:0',
      'set map /d/tls.map a.example/ spare:0',
      'add map /d/names.map <<\nspare:0 default:b:80\n',
      'del map /d/names.map default:a:80',
      'set server default:a:80/s1 state maint',
      'set server default:a:80/s2 state maint',
    ]);
    const none = planChange(change!.running, model([], []), place);
    expect(none?.running.spares).toContain('spare:0');
  });

  it('needs a reload when spare backends have run out', () => {
    const paths = Array.from({ length: 65 }, (_, index) => path(`/${index}`, `s${index}`));
    const services = paths.flatMap((_, index) => webService(`s${index}`, '10.1.0.1'));
    expect(
      planChange(running, model([ingressOf('i', { rules: [{ http: { paths } }] })], services), place),
    ).toBeUndefined();
  });
});
