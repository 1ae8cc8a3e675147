import { createHash } from 'node:crypto';
import type { KindVersion, ResourceKind } from './kind.ts';
import { apiVersionOf } from './object.ts';
import { customDefinitions, customReferences } from './open-api-custom.ts';
import { pathsOf } from './open-api-paths.ts';
import { definitions, type Descriptions, type Dialect, type GroupVersionKind } from './open-api-schemas.ts';
import type { JsonObject } from './plain-json.ts';
import { hasType, typeSchema } from './schema.ts';
import { typeOfKind } from './type-lookup.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/**
 * `/openapi/v2`: Swagger 2.0 of everything that `kinds` serve. Built anew on each call, in tens of milliseconds: keep
 * the answer (and its bytes).
 */
export async function openApiV2(kinds: readonly ResourceKind[]): Promise<JsonObject> {
  const served = servedVersions(kinds);
  return {
    swagger: '2.0',
    info,
    paths: renderPaths(served, 2),
    definitions: renderDefinitions(served, 2, await loadDescriptions()),
    securityDefinitions: { BearerToken: bearerToken },
    security: [{ BearerToken: [] }],
  };
}

/** `/openapi/v3/api/v1`, `/openapi/v3/apis/<group>/<version>`: OpenAPI 3.0 of one group and version. */
export async function openApiV3(kinds: readonly ResourceKind[], group: string, version: string): Promise<JsonObject> {
  const served = servedVersions(kinds).filter(({ at }) => at.group === group && at.version === version);
  return {
    openapi: '3.0.0',
    info,
    paths: renderPaths(served, 3),
    components: {
      schemas: renderDefinitions(served, 3, await loadDescriptions()),
      securitySchemes: { BearerToken: bearerToken },
    },
    security: [{ BearerToken: [] }],
  };
}

/**
 * `/openapi/v3`: where each group and version is described, with a hash that changes when its description may. `others`
 * are paths of other servers.
 */
export function openApiV3Index(kinds: readonly ResourceKind[], others: JsonObject = {}): JsonObject {
  const groups = new Map<string, Served[]>();
  for (const served of servedVersions(kinds)) {
    const apiVersion = apiVersionOf(served.at.group, served.at.version);
    groups.set(apiVersion, [...(groups.get(apiVersion) ?? []), served]);
  }
  const paths: JsonObject = {};
  for (const [apiVersion, served] of groups) {
    const path = `${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`;
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(served)}` };
  }
  const all = Object.entries({ ...others, ...paths }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { paths: Object.fromEntries(all) };
}

interface Served {
  kind: ResourceKind;
  at: KindVersion;
}

const info = { title: 'Kubernetes', version: 'v1.36.0' };
const bearerToken = {
  description: 'Bearer token authentication',
  type: 'apiKey',
  name: 'authorization',
  in: 'header',
};

function servedVersions(kinds: readonly ResourceKind[]): Served[] {
  return kinds.flatMap((kind) =>
    kind.versions.filter(({ type, custom }) => custom ?? hasType(type)).map((at) => ({ kind, at })),
  );
}

function renderPaths(served: readonly Served[], dialect: Dialect): JsonObject {
  const all = served.flatMap(({ kind, at }) => Object.entries(pathsOf(kind, at, dialect)));
  return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function renderDefinitions(served: readonly Served[], dialect: Dialect, texts: Descriptions): JsonObject {
  const customized = served.filter(({ at }) => at.custom);
  const custom = new Map(customized.flatMap(({ kind, at }) => customDefinitions(kind, at, dialect)));
  return definitions({ roots: rootsOf(served), kinds: kindsOf(served), dialect, texts, custom });
}

/** Every type that a path refers to. */
function rootsOf(served: readonly Served[]): Set<string> {
  const roots = new Set([`${meta}.Status`, `${meta}.DeleteOptions`]);
  for (const { kind, at } of served) {
    roots.add(at.type);
    if (at.custom || hasType(`${at.type}List`)) roots.add(`${at.type}List`);
    if (at.custom) for (const type of customReferences) roots.add(type);
    for (const { kind: name, group = at.group, version = at.version } of kind.subresources ?? []) {
      const type = name && typeOfKind(apiVersionOf(group, version), name);
      if (type) roots.add(type);
    }
  }
  return roots;
}

/** Which kinds each type is, for `x-kubernetes-group-version-kind`. */
function kindsOf(served: readonly Served[]): Map<string, GroupVersionKind[]> {
  const kinds = new Map<string, GroupVersionKind[]>();
  const versions = new Map<string, GroupVersionKind>();
  for (const { kind, at } of served) {
    const { group, version, type } = at;
    kinds.set(type, [{ group, kind: kind.kind, version }]);
    kinds.set(`${type}List`, [{ group, kind: at.custom?.listKind ?? `${kind.kind}List`, version }]);
    versions.set(apiVersionOf(group, version), { group, kind: 'DeleteOptions', version });
    for (const { kind: name, group: own = group, version: at2 = version } of kind.subresources ?? []) {
      const other = name && typeOfKind(apiVersionOf(own, at2), name);
      if (other && !kinds.has(other)) kinds.set(other, [{ group: own, kind: name, version: at2 }]);
    }
  }
  kinds.set(`${meta}.Status`, [{ group: '', kind: 'Status', version: 'v1' }]);
  kinds.set(`${meta}.DeleteOptions`, [...versions.values()]);
  return kinds;
}

/** Of all that the description is made from, but the texts: those change with the release only. */
function hashOf(served: readonly Served[]): string {
  const hash = createHash('sha256').update(info.version);
  for (const { kind, at } of served) {
    const { plural, scope, verbs, subresources } = kind;
    hash.update(JSON.stringify([kind.kind, plural, scope, verbs, subresources, at.group, at.version]));
    if (at.custom) hash.update(JSON.stringify(at.custom.schema ?? null));
  }
  const seen = new Set<string>();
  const queue = [...rootsOf(served)];
  for (let type = queue.pop(); type !== undefined; type = queue.pop()) {
    if (seen.has(type) || !hasType(type)) continue;
    seen.add(type);
    const { fields } = typeSchema(type);
    hash.update(type).update(JSON.stringify(fields));
    queue.push(...Object.values(fields).map((field) => field.type));
  }
  return hash.digest('hex').toUpperCase();
}

let descriptions: Promise<Descriptions> | undefined;

/** The texts are larger than all the rest and rarely asked for. */
function loadDescriptions(): Promise<Descriptions> {
  descriptions ??= import('./generated/descriptions.json', { with: { type: 'json' } }).then(
    (module) => module.default as unknown as Descriptions,
  );
  return descriptions;
}
