import { describe, expect, it } from 'vitest';
import { seededRandom, type Random } from '../base/random.ts';
import { decodeObject } from './decode.ts';
import { decodeProtobuf, encodeProtobuf, encodeWatchFrame } from './protobuf.ts';
import generated from './generated/schema.json' with { type: 'json' };
import { typeSchema, type FieldSchema } from './schema.ts';
import { ApiError } from './status.ts';

const podType = 'io.k8s.api.core.v1.Pod';
const lookup = (type: string) => () => type;

function roundTrip(object: Record<string, unknown>, type: string): unknown {
  const bytes = encodeProtobuf(object, type, 'v1', 'X');
  return decodeObject(decodeProtobuf(bytes, lookup(type)).value, type, 'Strict').object;
}

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

describe('Kubernetes protobuf', () => {
  it('writes the envelope and the message as upstream does', () => {
    const bytes = encodeProtobuf({ metadata: { name: 'x' } }, 'io.k8s.api.core.v1.Namespace', 'v1', 'Namespace');
    const expected = hex(`
      6b387300
      0a0f 0a02 7631 1209 4e616d657370616365
      1205 0a03 0a01 78
      1a00 2200`);
    expect(Buffer.from(bytes).toString('hex')).toBe(expected.toString('hex'));
  });

  it('numbers the fields of a pod as generated.proto does', () => {
    const pod = {
      metadata: { labels: { a: 'b' }, annotations: { c: 'd' } },
      spec: {
        nodeSelector: { e: 'f' },
        containers: [
          { resources: { limits: { cpu: '1' }, requests: { cpu: '2' } }, livenessProbe: { tcpSocket: { port: 80 } } },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
      },
    };
    const bytes = Buffer.from(encodeProtobuf(pod, podType, 'v1', 'Pod'));
    // metadata (1): labels (11) and annotations (12)
    expect(bytes.includes(hex('0a10 5a06 0a0161 120162 6206 0a0163 120164'))).toBe(true);
    // volumes (1): name (1) "v", volumeSource (2) { emptyDir (2) {} }
    expect(bytes.includes(hex('0a07 0a0176 1202 1200'))).toBe(true);
    // resources (8): limits (1) and requests (2), each an entry of key and Quantity
    expect(bytes.includes(hex('0a0a 0a03637075 1203 0a0131'))).toBe(true);
    expect(bytes.includes(hex('120a 0a03637075 1203 0a0132'))).toBe(true);
    // livenessProbe (10): handler (1) { tcpSocket (3) { port (1): IntOrString { type 0, intVal 80, strVal "" } } }
    expect(bytes.includes(hex('520c 0a0a 1a08 0a06 0800 1050 1a00'))).toBe(true);
    // nodeSelector (7)
    expect(bytes.includes(hex('3a06 0a0165 120166'))).toBe(true);
  });

  it('brings back every kind of value', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'X',
      metadata: {
        name: 'ü',
        generation: 5_000_000_000,
        creationTimestamp: '2026-01-02T03:04:05Z',
        managedFields: [{ manager: 'm', fieldsV1: { 'f:a': {} } }],
      },
      spec: {
        priority: -5,
        activeDeadlineSeconds: -1,
        overhead: { cpu: '100m' },
        containers: [
          {
            name: 'c'.repeat(300),
            livenessProbe: { httpGet: { port: 'web' }, periodSeconds: 3 },
            ports: [{ containerPort: 8080 }],
            args: ['', 'b'],
          },
        ],
        ephemeralContainers: [{ name: 'e', targetContainerName: 'c' }],
      },
    };
    expect(roundTrip(object, podType)).toEqual(object);
  });

  it.each<[string, Record<string, unknown>]>([
    ['io.k8s.api.core.v1.Secret', { data: { a: 'aGk=', b: '' } }],
    ['io.k8s.api.coordination.v1.Lease', { spec: { renewTime: '2026-01-02T03:04:05.000006Z', holderIdentity: '' } }],
    ['io.k8s.api.authentication.v1.TokenReview', { spec: {}, status: { user: { extra: { a: ['b', 'c'] } } } }],
    ['io.k8s.api.apps.v1.ControllerRevision', { data: { spec: [1, null, 'x'] }, revision: 3 }],
    [
      'io.k8s.api.policy.v1.PodDisruptionBudget',
      { status: { disruptedPods: { a: '2026-01-02T03:04:05Z' }, expectedPods: 0 } },
    ],
    ['io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics', { window: '1m30s', usage: { cpu: '10m' } }],
    ['io.k8s.api.batch.v1.Job', { spec: { podFailurePolicy: { rules: [{ onExitCodes: { values: [1, 300] } }] } } }],
  ])('brings back %s', (type, fields) => {
    const object = { apiVersion: 'v1', kind: 'X', metadata: {}, ...fields };
    expect(roundTrip(object, type)).toEqual(object);
  });

  it('brings back the schemas of custom resources', () => {
    const openAPIV3Schema = {
      type: 'object',
      $ref: '#/x',
      default: { a: [1] },
      enum: [1, 'x', { y: null }],
      maximum: 1.5,
      additionalProperties: true,
      additionalItems: false,
      items: { type: 'string' },
      'x-kubernetes-preserve-unknown-fields': true,
      dependencies: { a: ['b'], c: { type: 'object' } },
      properties: { list: { items: [{ type: 'a' }, { type: 'b' }], additionalProperties: { type: 'c' } } },
    };
    const type = 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition';
    const versions = [
      { name: 'v1', served: true, storage: false, schema: { openAPIV3Schema }, subresources: { status: {} } },
    ];
    const object = { apiVersion: 'v1', kind: 'X', metadata: {}, spec: { group: 'g', scope: 'Cluster', versions } };
    expect(roundTrip(object, type)).toEqual(object);
  });

  it('takes the zeros that Go clients send for absent fields', () => {
    // metadata { name "a", generateName "", creationTimestamp {} }, spec { restartPolicy "", hostNetwork false }
    const body = hex('0a 07 0a0161 1200 4200 12 04 1a00 5800');
    const bytes = Buffer.concat([hex('6b387300 0a09 0a027631 1203506f64'), hex('12 0f'), body]);
    const { value, apiVersion, kind } = decodeProtobuf(bytes, (version, name) =>
      version === 'v1' && name === 'Pod' ? podType : undefined,
    );
    expect([apiVersion, kind]).toEqual(['v1', 'Pod']);
    expect(decodeObject(value, podType, 'Strict').object).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a' },
      spec: {},
    });
  });

  it('reads packed numbers and skips fields it does not know', () => {
    const type = 'io.k8s.api.batch.v1.PodFailurePolicyOnExitCodesRequirement';
    // values (3) packed [1, 300], then unknown fields of every wire type
    const body = hex('1a03 01ac02 f80101 fa0101ff f901 0102030405060708 fd01 01020304');
    const bytes = Buffer.concat([hex('6b387300 12'), Buffer.from([body.length]), body]);
    expect(decodeProtobuf(bytes, lookup(type)).value).toEqual({ apiVersion: '', kind: '', values: [1, 300] });
  });

  it('frames the events of a watch', () => {
    const object = encodeProtobuf({ metadata: { name: 'x' } }, podType, 'v1', 'Pod');
    const frame = Buffer.from(encodeWatchFrame('ADDED', object));
    expect(frame.readUInt32BE(0)).toBe(frame.length - 4);
    expect(frame.subarray(4, 11)).toEqual(hex('0a05 4144444544'));
    expect(frame.subarray(-object.length)).toEqual(Buffer.from(object));
  });

  it('reads an object in its own envelope inside a list', () => {
    const pod = encodeProtobuf({ metadata: { name: 'x' } }, podType, 'v1', 'Pod');
    const inner = Buffer.concat([Buffer.from([0x0a, pod.length]), pod]);
    const list = Buffer.concat([Buffer.from([0x12, inner.length]), inner]);
    const bytes = Buffer.concat([hex('6b387300 0a0a 0a027631 12044c697374 12'), Buffer.from([list.length]), list]);
    const types: Record<string, string> = { List: 'io.k8s.api.core.v1.List', Pod: podType };
    expect(decodeProtobuf(bytes, (_, kind) => types[kind]).value).toEqual({
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } }],
    });
  });

  it('refuses what it cannot read, whatever the bytes', () => {
    const good = Buffer.from(
      encodeProtobuf(
        { metadata: { name: 'web', labels: { a: 'b' } }, spec: { containers: [{ name: 'c' }] } },
        podType,
        'v1',
        'Pod',
      ),
    );
    expect(() => decodeProtobuf(Buffer.from('{}'), lookup(podType))).toThrow(
      /does not appear to be a protobuf message/,
    );
    expect(() => decodeProtobuf(good, () => undefined)).toThrow('no kind "Pod" is registered for version "v1"');
    const random = seededRandom(5);
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(good.subarray(0, random.int(3) ? good.length : random.int(good.length)));
      for (let n = 0; n < 3; n++) if (bytes.length > 4) bytes[4 + random.int(bytes.length - 4)] = random.int(256);
      try {
        decodeProtobuf(bytes, lookup(podType));
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
      }
    }
  });

  it('brings back random objects of every type', () => {
    const random = seededRandom(42);
    // Types with a kind of their own are not what an envelope holds; they appear inside of others.
    const types = Object.entries(generated).filter(([, { fields }]) => !('kind' in fields || 'apiVersion' in fields));
    for (const [type] of types) {
      for (let i = 0; i < 2; i++) {
        const raw = { apiVersion: 'v1', kind: 'X', ...randomStruct(random, type, 4) };
        const { object, problems } = decodeObject(raw, type, 'Strict');
        expect(problems, type).toEqual([]);
        const back = roundTrip(structuredClone(object), type);
        expect(back, type).toEqual(object);
      }
    }
  });
});

type Json = Record<string, unknown>;

function randomStruct(random: Random, type: string, depth: number): Json {
  const object: Json = {};
  for (const [name, field] of Object.entries(typeSchema(type).fields)) {
    if (name === 'kind' || name === 'apiVersion') continue;
    if (depth > 0 && random.int(depth > 2 ? 2 : 3) === 0) object[name] = randomField(random, field, depth - 1);
  }
  return object;
}

function randomField(random: Random, field: FieldSchema, depth: number): unknown {
  if (field.list) return Array.from({ length: 1 + random.int(2) }, () => randomValue(random, field, depth));
  if (!field.map) return randomValue(random, field, depth);
  return { [`k${random.int(9)}`]: randomValue(random, field, depth), 'x.y/z': randomValue(random, field, depth) };
}

function randomValue(random: Random, { type, union }: FieldSchema, depth: number): unknown {
  const props = 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
  if (union === 'JSONSchemaPropsOrBool')
    return random.int(2) ? random.int(2) === 0 : randomStruct(random, props, depth);
  if (union === 'JSONSchemaPropsOrArray') return [randomStruct(random, props, depth)];
  if (union === 'JSONSchemaPropsOrStringArray') return random.int(2) ? ['a'] : randomStruct(random, props, depth);
  const generators: Record<string, () => unknown> = {
    string: () => ['', 'a', 'é€😀', 'x'.repeat(200)][random.int(4)],
    int32: () => [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 300][random.int(6)],
    int64: () => [0, 1, -1, Number.MAX_SAFE_INTEGER, -(2 ** 40)][random.int(5)],
    double: () => [0, 1.5, -1e300][random.int(3)],
    bool: () => random.int(2) === 0,
    bytes: () => ['', 'aGk=', 'AAECAw=='][random.int(3)],
    time: () => ['2026-01-02T03:04:05Z', '1970-01-01T00:00:00Z', '1960-01-01T00:00:00Z'][random.int(3)],
    microTime: () => ['2026-01-02T03:04:05.000000Z', '2026-01-02T03:04:05.123456Z'][random.int(2)],
    duration: () => ['1m30s', '0s', '1h0m0s', '5ms'][random.int(4)],
    quantity: () => ['100m', '1Gi', '0'][random.int(3)],
    intOrString: () => [0, 80, -1, '50%', ''][random.int(5)],
    stringList: () => ['a', 'b'].slice(random.int(2)),
    object: () => ({ a: [1, null, { b: 'c' }] }),
    any: () => [1, 'x', [true], { a: null }][random.int(4)],
  };
  return generators[type] ? generators[type]() : randomStruct(random, type, depth);
}
