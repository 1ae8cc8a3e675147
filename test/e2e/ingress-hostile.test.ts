import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/api/types/core-v1.ts';
import type { Ingress } from '../../src/api/types/networking-v1.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { classOptions } from '../../src/network/ingress/annotations/parameters.ts';
import { annotationPrefix, servedAnnotations } from '../../src/network/ingress/annotations/table.ts';
import { classWith, clusterObjects, ingressOf, path, webService } from '../support/ingress-objects.ts';
import { call } from '../support/http-call.ts';
import { standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';
import { renderIngress } from '../../src/network/ingress/render.ts';

let test: TestProxy;
let origin: Server;
let objects: ReturnType<typeof webService> = webService('a');

/** Pieces with which a text could end a word, a line, a format, an expression or a condition, or begin a flag. */
const pieces = [
  ...["'", '"', '\\', '\\\\', '%[', ']', '%', '%%', '%{+Q}', '{', '}', '(', ')', '#', ';', ',', ' ', '\t', '\n', '\r'],
  ...[
    '\0',
    '\x7f',
    '\u2028',
    'é',
    '😀',
    '$',
    '${',
    '$1',
    '$host',
    '$http_x',
    '\\1',
    '|',
    '||',
    '!',
    '-f',
    '-m',
    '--',
    '-i ',
  ],
  ...[
    'if TRUE',
    'or',
    'unless',
    '/etc/passwd',
    '%[env(HOME)]',
    '$(id)',
    '`id`',
    '\n  http-request allow',
    '\nbackend x',
  ],
  ...[
    '0',
    '1',
    '100',
    'true',
    'on',
    'a',
    'a.example',
    '10.0.0.0/8',
    '/',
    'https://x',
    '*',
    '.',
    '^',
    '(a+)+',
    '(?i)',
    '[a',
    'cookie',
  ],
];

/** Values that are right, so that the dangerous part is reached by some. */
const right: Readonly<Record<string, string>> = {
  ...{ affinity: 'cookie', canary: 'true', 'auth-type': 'basic', 'auth-secret': 'users', 'enable-cors': 'true' },
  ...{ 'backend-protocol': 'HTTPS', 'proxy-ssl-verify': 'off', 'limit-rps': '5', 'canary-by-header': 'x' },
};

const users: Secret = {
  kind: 'Secret',
  metadata: { namespace: 'default', name: 'users' },
  data: {
    auth: Buffer.from(
      "o'br\"ien%[x]:$apr1$abcd$0123456789012345678901\n#x:y\n';}{:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=",
    ).toString('base64'),
  },
};

function hostileIngress(name: string, random: Random): Ingress {
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
  const text = (): string => Array.from({ length: 1 + random.int(4) }, () => pick(pieces)).join('');
  const names = Object.keys(servedAnnotations);
  const annotations: Record<string, string> = {};
  for (let i = 0; i < 6; i++) annotations[pick(names)] = text();
  for (const [key, value] of Object.entries(right)) if (random.float() < 0.3) annotations[key] = value;
  // Most would be refused for one of those that must hold, and nothing of them would be written.
  const isMild = (key: string): boolean => !(servedAnnotations as Record<string, { mustHold?: true }>)[key]?.mustHold;
  const kept = Object.entries(annotations).filter(
    ([key]) => isMild(key) || Object.hasOwn(right, key) || random.float() < 0.2,
  );
  const prefixed = kept.map(([key, value]) => [annotationPrefix + key, value]);
  const rule = random.float() < 0.3 ? `/${text()}` : '/';
  const pathType = pick(['Prefix', 'Exact', 'ImplementationSpecific']);
  const rules = [
    { host: random.float() < 0.1 ? text() : `${name}.example`, http: { paths: [path(rule, 'a', pathType)] } },
  ];
  return ingressOf(name, { rules }, Object.fromEntries(prefixed), 1);
}

beforeAll(async () => {
  origin = createServer((_, response) => response.end('right'));
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  objects = webService('a', `${standIn}:${(origin.address() as AddressInfo).port}`);
  test = await startTestProxy();
});

afterAll(() => {
  test?.stop();
  origin?.close();
});

const witness = ingressOf('witness', { rules: [{ host: 'witness.example', http: { paths: [path('/', 'a')] } }] });
const witnessed = () => call(test.clearPort, '/', { host: 'witness.example' });

describe('hostile ingresses', () => {
  it('do not break out of what they may say: the proxy takes every configuration, and serves the others', async () => {
    let served = 0;
    for (let seed = 0; seed < 25; seed++) {
      const random = seededRandom(seed);
      const hostile = Array.from({ length: 60 }, (_, index) => hostileIngress(`h${index}`, random));
      const told = await test.serve([witness, ...hostile], ...objects, users);
      served += hostile.length - new Set(told.map((line) => line.split(' ')[0])).size;
      expect([seed, (await witnessed()).body]).toEqual([seed, 'right']);
      // Nothing of theirs is read from the machine or added to answers.
      expect(JSON.stringify(await witnessed())).not.toContain('root:');
    }
    expect(served).toBeGreaterThan(0);
  });

  it('do no more by the parameters of their classes', async () => {
    // Whoever has connections say whose they are wants no others.
    const names = Object.keys(classOptions).filter((name) => name !== 'use-proxy-protocol');
    const rightOptions = ['true', '60', 'Bad Bot,~^x', 'x-a,x-b', 'text/css', '429', '10.0.0.0/8'];
    let served = 0;
    for (let seed = 0; seed < 15; seed++) {
      const random = seededRandom(seed);
      const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
      const text = (): string => Array.from({ length: 1 + random.int(4) }, () => pick(pieces)).join('');
      const value = (): string => (random.float() < 0.4 ? pick(rightOptions) : text());
      const all = Array.from({ length: 30 }, (_, index) => {
        const options = Array.from({ length: 3 }, () => [pick(names), value()] as const);
        const rules = [{ host: `c${index}.example`, http: { paths: [path('/', 'a')] } }];
        return {
          ingress: ingressOf(`c${index}`, { ingressClassName: `c${index}`, rules }),
          objects: classWith(`c${index}`, Object.fromEntries(options)),
        };
      });
      const told = await test.serve(
        [witness, ...all.map(({ ingress }) => ingress)],
        ...objects,
        ...all.flatMap((each) => each.objects),
      );
      served += all.length - new Set(told.map((line) => line.split(' ')[0])).size;
      expect([seed, (await witnessed()).body]).toEqual([seed, 'right']);
    }
    expect(served).toBeGreaterThan(0);
  });

  it('may be enormous', async () => {
    const ranges = Array.from({ length: 500 }, (_, index) => `10.${index % 250}.${Math.floor(index / 250)}.0/24`);
    const annotations = {
      [`${annotationPrefix}whitelist-source-range`]: [...ranges, '127.0.0.1'].join(','),
      [`${annotationPrefix}limit-whitelist`]: ranges.join(','),
      [`${annotationPrefix}limit-rps`]: '100',
    };
    const host = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example`;
    const long = `/${'x'.repeat(4000)}`;
    const rules = [{ host, http: { paths: [path(long, 'a'), path('/', 'a')] } }];
    await test.serve([witness, ingressOf('huge', { rules }, annotations)], ...objects);
    expect((await call(test.clearPort, `${long}/y`, { host })).body).toBe('right');
    // Longer than the proxy's buffer: 400 or 414, and nobody else suffers.
    expect((await call(test.clearPort, `/${'y'.repeat(100_000)}`, { host })).status).toBeGreaterThanOrEqual(400);
    expect((await witnessed()).body).toBe('right');
  });

  it('may be a thousand: rendered in 100 ms, and taken', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => {
      const rules = [
        { host: `m${index}.example`, http: { paths: [path('/', 'a'), path('/api', 'a'), path('/x', 'a')] } },
      ];
      const annotations: Record<string, string> =
        index % 2 === 0 ? {} : { [`${annotationPrefix}proxy-read-timeout`]: String(1 + (index % 50)) };
      return ingressOf(`m${index}`, { rules }, annotations);
    });
    const lookUp = clusterObjects(...objects);
    // In processor time, and the best of some: others use the machine as well.
    const costs = Array.from({ length: 6 }, () => {
      const before = process.cpuUsage();
      renderIngress({ ingresses: many, objects: lookUp, defaultCertificate: 'PEM\n' });
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    });
    expect(Math.min(...costs)).toBeLessThan(100);
    await test.serve([witness, ...many], ...objects);
    expect((await call(test.clearPort, '/api', { host: 'm998.example' })).body).toBe('right');
    expect((await call(test.clearPort, '/api', { host: 'm999.example' })).body).toBe('right');
    await test.serve([witness, ...many.slice(0, 10)], ...objects);
    expect((await call(test.clearPort, '/api', { host: 'm998.example' })).status).toBe(404);
    expect((await witnessed()).body).toBe('right');
  });
});
