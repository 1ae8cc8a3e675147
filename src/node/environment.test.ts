import { describe, expect, it } from 'vitest';
import type { Container, Pod, Service } from '../api/types/core-v1.ts';
import { containerEnvironment, type EnvironmentSources } from './environment.ts';
import { expand } from './expansion.ts';
import { serviceEnvironment } from './service-environment.ts';

const facts = {
  nodeName: 'node-1',
  hostIps: ['192.0.2.1'],
  podIps: ['10.0.0.7'],
  allocatable: { cpu: 2000, memory: 4 * 2 ** 30, ephemeralStorage: 2 ** 30 },
};
const pod: Pod = {
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    labels: { tier: 'front', app: 'web' },
    annotations: { 'example.com/note': 'say "hi"' },
  },
  spec: {
    serviceAccountName: 'robot',
    containers: [
      { name: 'app', resources: { limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: '100m' } } },
      { name: 'bare' },
    ],
  },
};

function sources(change: Partial<EnvironmentSources> = {}): EnvironmentSources {
  const none = () => undefined;
  return { configMap: none, secret: none, services: new Map(), facts, envFile: none, ...change };
}

function env(container: Partial<Container>, change: Partial<EnvironmentSources> = {}): Record<string, string> {
  return Object.fromEntries(containerEnvironment(pod, { name: 'app', ...container }, sources(change)));
}

describe('expansion', () => {
  it('replaces known names, keeps unknown ones and turns $$ into $', () => {
    const values = new Map([['A', '1']]);
    expect(expand('$(A) $(B) $$(A) $A $ $(A', values)).toBe('1 $(B) $(A) $A $ $(A');
  });
});

describe('the environment of a container', () => {
  it('expands what was defined before', () => {
    const list = [
      { name: 'HOST', value: 'db' },
      { name: 'URL', value: 'http://$(HOST):$(PORT)' },
      { name: 'PORT', value: '80' },
    ];
    expect(env({ env: list })).toEqual({ HOST: 'db', URL: 'http://db:$(PORT)', PORT: '80' });
  });

  it('knows every field of the downward API', () => {
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const list = [
      field('NAME', 'metadata.name'),
      field('NS', 'metadata.namespace'),
      field('UID', 'metadata.uid'),
      field('LABEL', "metadata.labels['tier']"),
      field('NOTE', "metadata.annotations['example.com/note']"),
      field('NODE', 'spec.nodeName'),
      field('SA', 'spec.serviceAccountName'),
      field('IP', 'status.podIP'),
      field('HOST', 'status.hostIP'),
    ];
    expect(env({ env: list })).toEqual({
      NAME: 'web',
      NS: 'shop',
      UID: 'u1',
      LABEL: 'front',
      NOTE: 'say "hi"',
      NODE: 'node-1',
      SA: 'robot',
      IP: '10.0.0.7',
      HOST: '192.0.2.1',
    });
  });

  it('divides resources and rounds up; what is not limited is the node', () => {
    const resource = (name: string, selector: object) => ({ name, valueFrom: { resourceFieldRef: selector as never } });
    const list = [
      resource('CPU', { resource: 'limits.cpu' }),
      resource('MILLI', { resource: 'limits.cpu', divisor: '1m' }),
      resource('MEM', { resource: 'limits.memory', divisor: '1Mi' }),
      resource('REQ', { resource: 'requests.cpu', divisor: '1m' }),
      resource('BARE', { resource: 'limits.cpu', containerName: 'bare' }),
      resource('BAREMEM', { resource: 'limits.memory', containerName: 'bare', divisor: '1Gi' }),
    ];
    expect(env({ env: list })).toEqual({ CPU: '2', MILLI: '1500', MEM: '64', REQ: '100', BARE: '2', BAREMEM: '4' });
  });

  it('takes whole config maps and secrets with a prefix, and single keys', () => {
    const configMap = { metadata: { name: 'c' }, data: { a: '1', b: '2' } };
    const secret = { metadata: { name: 's' }, data: { pass: Buffer.from('word').toString('base64') } };
    const container = {
      envFrom: [{ prefix: 'C_', configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }],
      env: [{ name: 'ONE', valueFrom: { configMapKeyRef: { name: 'c', key: 'a' } } }],
    };
    const found = env(container, { configMap: () => configMap, secret: () => secret });
    expect(found).toEqual({ C_a: '1', C_b: '2', pass: 'word', ONE: '1' });
  });

  it('says what is missing in the words of upstream', () => {
    const from = (valueFrom: object) => ({ env: [{ name: 'X', valueFrom }] });
    expect(() => env(from({ configMapKeyRef: { name: 'c', key: 'k' } }))).toThrow('configmap "c" not found');
    expect(() => env(from({ secretKeyRef: { name: 's', key: 'k' } }))).toThrow('secret "s" not found');
    expect(() => env({ envFrom: [{ secretRef: { name: 's' } }] })).toThrow('secret "s" not found');
    const configMap = { metadata: {}, data: {} };
    expect(() => env(from({ configMapKeyRef: { name: 'c', key: 'k' } }), { configMap: () => configMap })).toThrow(
      "couldn't find key k in ConfigMap shop/c",
    );
  });

  it('takes variables from files, and says what is wrong with them', () => {
    const files = new Map([
      ['v/a.env', "A='1'\nEMPTY=''"],
      ['v/bad.env', 'A=1'],
    ]);
    const envFile = (volume: string, path: string) => files.get(`${volume}/${path}`);
    const from = (path: string, key: string, optional = false) =>
      env({ env: [{ name: 'X', valueFrom: { fileKeyRef: { volumeName: 'v', path, key, optional } } }] }, { envFile });
    expect(from('a.env', 'A')).toEqual({ X: '1' });
    expect(from('a.env', 'B', true)).toEqual({});
    expect(from('none.env', 'B', true)).toEqual({});
    const missing = 'environment variable key "B" not found in file "a.env" of volume "v"';
    expect(() => from('a.env', 'B')).toThrow(missing);
    expect(() => from('none.env', 'B')).toThrow(`couldn't find env file "none.env" of volume "v"`);
    expect(() => from('bad.env', 'A', true)).toThrow(
      "couldn't parse env file: invalid environment variable format at line 1: value must be enclosed in single quotes",
    );
  });

  it('leaves out what is optional and not there', () => {
    const optional = { name: 'c', key: 'k', optional: true };
    expect(env({ env: [{ name: 'X', valueFrom: { configMapKeyRef: optional } }] })).toEqual({});
    expect(env({ envFrom: [{ configMapRef: { name: 'c', optional: true } }] })).toEqual({});
  });

  it('lets the container override service variables and use them', () => {
    const services = new Map([['DB_SERVICE_HOST', '10.96.0.9']]);
    expect(env({ env: [{ name: 'URL', value: '$(DB_SERVICE_HOST)' }] }, { services })).toEqual({
      URL: '10.96.0.9',
      DB_SERVICE_HOST: '10.96.0.9',
    });
    expect(env({ env: [{ name: 'DB_SERVICE_HOST', value: 'mine' }] }, { services })).toEqual({
      DB_SERVICE_HOST: 'mine',
    });
  });
});

describe('service variables', () => {
  const service = (name: string, namespace: string, clusterIP: string): Service => ({
    metadata: { name, namespace },
    spec: {
      clusterIP,
      ports: [
        { name: 'http-api', port: 80 },
        { port: 53, protocol: 'UDP' },
      ],
    },
  });
  const kubernetes: Service = {
    metadata: { name: 'kubernetes', namespace: 'default' },
    spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
  };
  const services = [service('redis-primary', 'shop', '10.96.0.2'), kubernetes, service('none', 'shop', 'None')];

  it('have every name that docker links had', () => {
    const found = serviceEnvironment({ services, namespace: 'shop', enableServiceLinks: true });
    expect(Object.fromEntries(found)).toEqual({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.1',
      REDIS_PRIMARY_SERVICE_HOST: '10.96.0.2',
      REDIS_PRIMARY_SERVICE_PORT: '80',
      REDIS_PRIMARY_SERVICE_PORT_HTTP_API: '80',
      REDIS_PRIMARY_PORT: 'tcp://10.96.0.2:80',
      REDIS_PRIMARY_PORT_80_TCP: 'tcp://10.96.0.2:80',
      REDIS_PRIMARY_PORT_80_TCP_PROTO: 'tcp',
      REDIS_PRIMARY_PORT_80_TCP_PORT: '80',
      REDIS_PRIMARY_PORT_80_TCP_ADDR: '10.96.0.2',
      REDIS_PRIMARY_PORT_53_UDP: 'udp://10.96.0.2:53',
      REDIS_PRIMARY_PORT_53_UDP_PROTO: 'udp',
      REDIS_PRIMARY_PORT_53_UDP_PORT: '53',
      REDIS_PRIMARY_PORT_53_UDP_ADDR: '10.96.0.2',
    });
  });

  it('name only the API server without service links, in any namespace', () => {
    const found = serviceEnvironment({ services, namespace: 'other', enableServiceLinks: false });
    expect([...found.keys()].every((name) => name.startsWith('KUBERNETES_'))).toBe(true);
    expect(found.get('KUBERNETES_SERVICE_HOST')).toBe('10.96.0.1');
  });
});
