import { describe, expect, it } from 'vitest';
import { defineKind } from './kinds/define-kind.ts';
import { encodeOpenApiV2Protobuf } from './open-api-protobuf.ts';
import { openApiV2, openApiV3, openApiV3Index } from './open-api.ts';
import type { JsonObject } from './plain-json.ts';
import { WireReader } from './protobuf-wire.ts';
import type { Deployment } from './types/apps-v1.ts';
import type { CustomResourceDefinition } from './types/apiextensions-v1.ts';

const deployment = defineKind<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  scope: 'Namespaced',
  status: true,
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', labelSelector: () => '' },
  otherVersions: [{ group: 'apps', version: 'v1beta2', type: 'io.k8s.api.apps.v1beta2.Deployment' }],
});
const definition = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  scope: 'Cluster',
});
const kinds = [deployment, definition];

/** Follows property names, throwing where one is missing. */
function at(value: unknown, ...path: string[]): JsonObject {
  return path.reduce<JsonObject>((inner, key) => {
    if (!(key in inner)) throw new Error(`no ${key} in ${Object.keys(inner).join(' ')}`);
    return inner[key] as JsonObject;
  }, value as JsonObject);
}

function referencesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, inner] of Object.entries(value)) {
    if (key === '$ref' && typeof inner === 'string') found.add(inner);
    else referencesIn(inner, found);
  }
  return found;
}

describe('OpenAPI v2', () => {
  it('defines everything it refers to', async () => {
    const document = await openApiV2(kinds);
    const names = new Set(Object.keys(at(document, 'definitions')).map((name) => `#/definitions/${name}`));
    expect([...referencesIn(document)].filter((reference) => !names.has(reference))).toEqual([]);
    expect(names.size).toBeGreaterThan(150);
  });

  it('says what clients need to patch, validate and explain', async () => {
    const document = await openApiV2(kinds);
    const spec = at(document, 'definitions', 'io.k8s.api.core.v1.PodSpec');
    expect(at(spec, 'properties', 'containers')).toMatchObject({
      type: 'array',
      items: { $ref: '#/definitions/io.k8s.api.core.v1.Container' },
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      description: expect.stringContaining('List of containers') as string,
    });
    expect(spec.required).toEqual(['containers']);
    const root = at(document, 'definitions', 'io.k8s.api.apps.v1.Deployment');
    expect(root['x-kubernetes-group-version-kind']).toEqual([{ group: 'apps', kind: 'Deployment', version: 'v1' }]);
    expect(at(root, 'properties', 'apiVersion')).toMatchObject({ type: 'string' });
    expect(document.definitions).toHaveProperty(['io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON']);
  });

  it('lists the operations of namespaced and cluster-wide kinds and their subresources', async () => {
    const { paths } = await openApiV2(kinds);
    const base = '/apis/apps/v1/namespaces/{namespace}/deployments';
    expect(Object.keys(at(paths))).toEqual(
      expect.arrayContaining([
        '/apis/apps/v1/deployments',
        base,
        `${base}/{name}`,
        `${base}/{name}/scale`,
        `${base}/{name}/status`,
      ]),
    );
    const patch = at(paths, `${base}/{name}`, 'patch');
    expect(patch.operationId).toBe('patchAppsV1NamespacedDeployment');
    expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', kind: 'Deployment', version: 'v1' });
    const parameters = (patch.parameters as JsonObject[]).map(({ name }) => name);
    expect(parameters).toEqual(['body', 'pretty', 'dryRun', 'fieldManager', 'fieldValidation', 'force']);
    expect(at(paths, `${base}/{name}/scale`, 'get')['x-kubernetes-group-version-kind']).toEqual({
      group: 'autoscaling',
      kind: 'Scale',
      version: 'v1',
    });
    const cluster = at(paths, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', 'get');
    expect(cluster.operationId).toBe('listApiextensionsV1CustomResourceDefinition');
  });

  it('goes into the protobuf message of gnostic', async () => {
    const document = await openApiV2(kinds);
    const reader = new WireReader(Buffer.from(encodeOpenApiV2Protobuf(document)));
    const definitions: string[] = [];
    const paths: string[] = [];
    let swagger = '';
    while (!reader.isAtEnd) {
      const tag = reader.tag();
      if (tag === (1 << 3) + 2) swagger = reader.string();
      else if (tag === (8 << 3) + 2) paths.push(...namesIn(reader.message(), 2));
      else if (tag === (9 << 3) + 2) definitions.push(...namesIn(reader.message(), 1));
      else reader.skip(tag & 7);
    }
    expect(swagger).toBe('2.0');
    expect(definitions).toEqual(Object.keys(at(document, 'definitions')));
    expect(paths).toEqual(Object.keys(at(document, 'paths')));
  });

  it('writes a schema with the field numbers of OpenAPIv2.proto', () => {
    const schema = {
      $ref: 'r',
      format: 'f',
      description: 'd',
      required: ['q'],
      additionalProperties: { type: 'x' },
      type: 'o',
      items: { type: 'i' },
      properties: { p: {} },
      'x-a': [1],
    };
    const bytes = encodeOpenApiV2Protobuf({ definitions: { N: schema } });
    const expected =
      '4a49 0a47 0a014e 1242 0a0172 120166 220164 9a010171 aa0108 0a06b201030a0178 b201030a016f ba0108 0a06b201030a0169 ' +
      'ca0107 0a050a01701200 fa010c 0a03782d61 1205 12035b315d';
    expect(Buffer.from(bytes).toString('hex')).toBe(expected.replaceAll(' ', ''));
  });
});

function namesIn(message: WireReader, field: number): string[] {
  const names: string[] = [];
  while (!message.isAtEnd) {
    const tag = message.tag();
    expect(tag >>> 3).toBe(field);
    const entry = message.message();
    expect(entry.tag()).toBe(0x0a);
    names.push(entry.string());
  }
  return names;
}

describe('OpenAPI v3', () => {
  it('describes one group and version, complete in itself', async () => {
    const document = await openApiV3(kinds, 'apps', 'v1');
    const names = new Set(
      Object.keys(at(document, 'components', 'schemas')).map((name) => `#/components/schemas/${name}`),
    );
    expect([...referencesIn(document)].filter((reference) => !names.has(reference))).toEqual([]);
    expect(Object.keys(at(document, 'paths')).every((path) => path.startsWith('/apis/apps/v1/'))).toBe(true);
    expect(
      at(document, 'components', 'schemas', 'io.k8s.api.apps.v1.DeploymentSpec', 'properties', 'template'),
    ).toEqual({
      description: 'The object that is made for each replica or run.',
      allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodTemplateSpec' }],
    });
    expect(
      at(document, 'components', 'schemas', 'io.k8s.api.core.v1.ContainerPort', 'properties', 'protocol').default,
    ).toBe('TCP');
  });

  it('lends older versions the texts of the newest', async () => {
    const document = await openApiV3(kinds, 'apps', 'v1beta2');
    const spec = at(
      document,
      'components',
      'schemas',
      'io.k8s.api.apps.v1beta2.DeploymentSpec',
      'properties',
      'replicas',
    );
    expect(spec.description).toMatch(/^Number of desired pods/);
  });

  it('indexes them with a hash that is stable and differs between them', () => {
    const { paths } = openApiV3Index(kinds);
    expect(Object.keys(at(paths))).toEqual(['apis/apiextensions.k8s.io/v1', 'apis/apps/v1', 'apis/apps/v1beta2']);
    const urls = Object.values(at(paths)).map((entry) => (entry as JsonObject).serverRelativeURL as string);
    expect(urls[1]).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{64}$/);
    expect(new Set(urls.map((url) => url.split('=')[1])).size).toBe(3);
    expect(openApiV3Index(kinds)).toEqual({ paths });
  });
});
