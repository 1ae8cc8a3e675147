import { describe, expect, it } from 'vitest';
import { decodeObject, parseBody, strictDecodingError } from './decode.ts';
import { deepFreeze } from './object.ts';
import { ApiError } from './status.ts';

const deploymentType = 'io.k8s.api.apps.v1.Deployment';
const podType = 'io.k8s.api.core.v1.Pod';
const crdType = 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition';

const decode = (raw: unknown, type = deploymentType, mode: 'Strict' | 'Warn' | 'Ignore' = 'Strict') =>
  decodeObject(structuredClone(raw), type, mode);

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).reason).toBe('BadRequest');
    return (error as ApiError).message;
  }
  return 'nothing was thrown';
}

const deployment = (spec: unknown) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec,
});

const pod = (container: unknown) => ({ metadata: { name: 'a' }, spec: { containers: [container] } });

describe('decodeObject', () => {
  it('leaves a clean object as it is', () => {
    const raw = deployment({ replicas: 3, template: { spec: { containers: [{ name: 'c', image: 'i' }] } } });
    const { object, problems } = decode(raw);
    expect(object).toEqual(raw);
    expect(problems).toEqual([]);
  });

  it('removes unknown fields and names them with their path', () => {
    const raw = deployment({ foo: 1, replicas: 1, template: { spec: { containers: [{ name: 'c', bar: null }] } } });
    const { object, problems } = decode(raw);
    expect(problems).toEqual(['unknown field "spec.foo"', 'unknown field "spec.template.spec.containers[0].bar"']);
    expect(object.spec).toEqual({ replicas: 1, template: { spec: { containers: [{ name: 'c' }] } } });
    expect(decode(raw, deploymentType, 'Ignore').problems).toEqual([]);
    expect(strictDecodingError(deploymentType, problems).message).toBe(
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ' +
        'unknown field "spec.foo", unknown field "spec.template.spec.containers[0].bar"',
    );
  });

  it('is case-sensitive', () => {
    expect(decode(deployment({ Replicas: 1 })).problems).toEqual(['unknown field "spec.Replicas"']);
  });

  it('drops optional lists and maps that are empty, as Go does when it writes them', () => {
    const raw = deployment({
      selector: { matchLabels: {} },
      template: { metadata: { labels: {}, finalizers: [] }, spec: { containers: [], tolerations: [] } },
    });
    const { object } = decode(raw);
    expect(object.spec).toEqual({ selector: {}, template: { metadata: {}, spec: { containers: [] } } });
  });

  it('drops nulls, and makes them zero values inside lists and maps', () => {
    const raw = {
      metadata: { name: 'a', creationTimestamp: null, labels: { x: null } },
      spec: { containers: [null, { name: 'c', args: [null, 'b'] }], nodeName: null },
      status: null,
    };
    expect(decode(raw, podType).object).toEqual({
      metadata: { name: 'a', labels: { x: '' } },
      spec: { containers: [{}, { name: 'c', args: ['', 'b'] }] },
    });
  });

  it('drops zeros that mean the same as no field, and keeps those that mean something', () => {
    const probe = { timeoutSeconds: 0, terminationGracePeriodSeconds: 0 };
    const raw = {
      metadata: { name: 'a', namespace: '' },
      spec: {
        restartPolicy: '',
        hostNetwork: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 0,
        containers: [{ name: '', livenessProbe: probe, ports: [{ containerPort: 80, hostPort: 0 }] }],
      },
    };
    expect(decode(raw, podType).object).toEqual({
      metadata: { name: 'a' },
      spec: {
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 0,
        containers: [{ name: '', livenessProbe: { terminationGracePeriodSeconds: 0 }, ports: [{ containerPort: 80 }] }],
      },
    });
    expect(decode(deployment({ replicas: 0 })).object.spec).toEqual({ replicas: 0 });
    const claim = { metadata: {}, spec: { storageClassName: '', volumeName: '' } };
    expect(decode(claim, 'io.k8s.api.core.v1.PersistentVolumeClaim').object.spec).toEqual({ storageClassName: '' });
  });

  it.each([
    [
      deployment({ replicas: 'three' }),
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      deployment({ replicas: 1.5 }),
      'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      deployment({ replicas: 5000000000 }),
      'json: cannot unmarshal number 5000000000 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      deployment({ template: { spec: { containers: [{ name: 'a' }, { image: 5 }] } } }),
      'json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.image of type string',
    ],
    [
      deployment({ template: { spec: { containers: {} } } }),
      'json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
    ],
    [
      deployment({ template: [] }),
      'json: cannot unmarshal array into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec',
    ],
    [
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      { metadata: { labels: 'x' } },
      'json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    [
      deployment({ paused: 'no' }),
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool',
    ],
    [
      deployment({ strategy: { rollingUpdate: { maxSurge: true } } }),
      'json: cannot unmarshal bool into Go value of type int32',
    ],
    [
      { metadata: { creationTimestamp: 'yesterday' } },
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ],
    [{ metadata: { creationTimestamp: 5 } }, 'json: cannot unmarshal number into Go value of type string'],
  ])('refuses a wrong type: %j', (raw, reason) => {
    const head = 'Deployment in version "v1" cannot be handled as a Deployment: ';
    expect(messageOf(() => decode(raw))).toBe(head + reason);
  });

  it('refuses what is not an object at all', () => {
    for (const raw of [[], 'x', 5, null]) {
      expect(messageOf(() => decode(raw))).toMatch(
        /^the object provided is unrecognized \(must be of type Deployment\)/,
      );
    }
  });

  it('brings quantities to canonical form and refuses others', () => {
    const raw = pod({ name: 'c', resources: { requests: { cpu: 0.5, memory: '1024Ki' }, limits: { cpu: '1000m' } } });
    const { object } = decode(raw, podType);
    expect(object).toMatchObject(
      pod({ name: 'c', resources: { requests: { cpu: '500m', memory: '1Mi' }, limits: { cpu: '1' } } }),
    );
    const wrong = pod({ name: 'c', resources: { requests: { cpu: 'lots' } } });
    expect(messageOf(() => decode(wrong, podType))).toMatch(/^Pod in version "v1" .*: quantities must match/);
  });

  it('keeps times in UTC', () => {
    const meta = (creationTimestamp: string) => decode({ metadata: { creationTimestamp } }).object.metadata;
    expect(meta('2026-01-02T03:04:05+02:00')).toEqual({ creationTimestamp: '2026-01-02T01:04:05Z' });
    expect(meta('2026-01-02T03:04:05.678Z')).toEqual({ creationTimestamp: '2026-01-02T03:04:05Z' });
    expect(() => meta('2026-02-30T00:00:00Z')).toThrow(ApiError);
    const lease = { metadata: {}, spec: { renewTime: '2026-01-02T03:04:05.123Z' } };
    expect(decode(lease, 'io.k8s.api.coordination.v1.Lease').object.spec).toEqual({
      renewTime: '2026-01-02T03:04:05.123000Z',
    });
  });

  it('checks base64', () => {
    const secret = (value: string) => ({ metadata: {}, data: { a: value } });
    const type = 'io.k8s.api.core.v1.Secret';
    expect(decode(secret('aGk='), type).object.data).toEqual({ a: 'aGk=' });
    expect(decode(secret('aG\nk='), type).object.data).toEqual({ a: 'aGk=' });
    expect(messageOf(() => decode(secret('a$k='), type))).toMatch(/illegal base64 data at input byte 1$/);
  });

  it('walks into the schemas of custom resources, $ref and x-kubernetes fields included', () => {
    const schema = {
      $ref: '#/a',
      'x-kubernetes-int-or-string': true,
      items: [{ type: 'string', nope: 1 }],
      additionalProperties: { typo: true },
      default: { anything: [1] },
      properties: { a: { items: { enum: [1, 'x', null] } } },
    };
    const raw = { metadata: {}, spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: schema } }] } };
    const { problems } = decode(raw, crdType);
    const at = 'spec.versions[0].schema.openAPIV3Schema';
    expect(problems).toEqual([
      `unknown field "${at}.items[0].nope"`,
      `unknown field "${at}.additionalProperties.typo"`,
    ]);
  });

  it('takes kind and apiVersion at the top of types without metadata and of embedded objects', () => {
    const options = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 };
    const type = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
    expect(decode(options, type).problems).toEqual([]);
    const eviction = { metadata: { name: 'a' }, deleteOptions: options };
    expect(decode(eviction, 'io.k8s.api.policy.v1.Eviction').problems).toEqual([]);
  });

  it('does not take a prototype for a field', () => {
    const raw = JSON.parse('{"metadata":{},"__proto__":{"a":1},"constructor":1}') as unknown;
    const { object, problems } = decodeObject(raw, podType, 'Strict');
    expect(problems).toEqual(['unknown field "__proto__"', 'unknown field "constructor"']);
    expect(Object.keys(object)).toEqual(['metadata']);
  });

  it('accepts a frozen clean object, since it changes nothing', () => {
    const frozen = deepFreeze(deployment({ replicas: 1 }));
    expect(decodeObject(frozen, deploymentType, 'Strict').object).toBe(frozen);
  });
});

describe('parseBody', () => {
  const parse = (text: string, contentType = 'application/json', mode: 'Strict' | 'Warn' | 'Ignore' = 'Strict') =>
    parseBody(Buffer.from(text), contentType, mode);

  it('parses JSON and finds keys that stand twice', () => {
    const text = '{"spec":{"replicas":1,"replicas" : 2,"a":[{"x":1},{"y":"\\"a\\":1","y":2}]}}';
    expect(parse(text)).toEqual({
      value: { spec: { replicas: 2, a: [{ x: 1 }, { y: 2 }] } },
      duplicates: ['duplicate field "spec.replicas"', 'duplicate field "spec.a[1].y"'],
    });
    expect(parse(text, 'application/json', 'Ignore').duplicates).toEqual([]);
  });

  it('is not misled by colons and quotes inside strings', () => {
    const text = JSON.stringify({ 'a:b': 'x":', c: '\\', d: '":"', e: ['"', ':'], 'f\\"': { g: '\\"' } });
    expect(parse(text)).toEqual({ value: JSON.parse(text) as unknown, duplicates: [] });
  });

  it.each([
    ['{"a":}', "invalid character '}' looking for beginning of value"],
    ['{"a":1', 'unexpected end of JSON input'],
    ['', 'unexpected end of JSON input'],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['{"a":tru}', "invalid character '}' in literal true (expecting 'e')"],
    ['{"a":1.}', "invalid character '}' after decimal point in numeric literal"],
    ['{"a":"\n"}', "invalid character '\\n' in string literal"],
    ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
  ])('says where %j is malformed', (text, reason) => {
    expect(messageOf(() => parse(text))).toBe(`couldn't get version/kind; json parse error: ${reason}`);
  });

  it('refuses absurd nesting', () => {
    expect(messageOf(() => parse('['.repeat(500_000) + ']'.repeat(500_000)))).toMatch(/exceeded max depth/);
    expect(messageOf(() => parse('['.repeat(500_000)))).toMatch(/max depth|unexpected end/);
    const yaml = `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect(messageOf(() => parse(yaml, 'application/yaml'))).toMatch(/max depth|nesting|stack/i);
  });

  it('reads YAML as Kubernetes does', () => {
    const text =
      'a: yes\nb: "yes"\nc: 2026-01-02T03:04:05Z\nd: 0o17\ne: 1.5\nf: ~\nbase: &x {k: v}\nuse: {<<: *x, l: w}\n';
    expect(parse(text, 'application/yaml').value).toEqual({
      a: true,
      b: 'yes',
      c: '2026-01-02T03:04:05Z',
      d: '0o17',
      e: 1.5,
      f: null,
      base: { k: 'v' },
      use: { k: 'v', l: 'w' },
    });
  });

  it('finds duplicates in YAML, and refuses malformed YAML and alias bombs', () => {
    expect(parse('a: 1\nb: 2\na: 3\n', 'application/yaml')).toEqual({
      value: { a: 3, b: 2 },
      duplicates: ['yaml: unmarshal errors:\n  line 3: key "a" already set in map'],
    });
    expect(messageOf(() => parse('a: [1', 'application/yaml'))).toMatch(
      /^error converting YAML to JSON: yaml: line \d/,
    );
    let bomb = 'a0: &a0 [x,x,x,x,x,x,x,x,x]\n';
    for (let i = 1; i < 9; i++)
      bomb += `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(',')}]\n`;
    expect(messageOf(() => parse(bomb, 'application/yaml'))).toMatch(/alias/i);
  });

  it('reads JSON that is announced as YAML', () => {
    expect(parse('{"a":1,"a":2}', 'application/apply-patch+yaml')).toEqual({
      value: { a: 2 },
      duplicates: ['duplicate field "a"'],
    });
  });
});
