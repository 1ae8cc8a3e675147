import type { KindVersion, ResourceKind, Subresource } from './kind.ts';
import { apiVersionOf } from './object.ts';
import { refTo, type Dialect, type GroupVersionKind } from './open-api-schemas.ts';
import type { JsonObject } from './plain-json.ts';
import { hasType } from './schema.ts';
import { typeOfKind } from './type-lookup.ts';

/** The paths under which one version of a kind is served, each with its operations. */
export function pathsOf(kind: ResourceKind, version: KindVersion, dialect: Dialect): JsonObject {
  const scope = new KindPaths(kind, version, dialect);
  const paths: JsonObject = {};
  const verbs = kind.verbs ?? allVerbs;
  const isNamespaced = kind.scope === 'Namespaced';
  const base = `${version.group === '' ? '/api' : '/apis'}/${apiVersionOf(version.group, version.version)}`;
  const collection = isNamespaced ? `${base}/namespaces/{namespace}/${kind.plural}` : `${base}/${kind.plural}`;
  const add = (path: string, operations: JsonObject): void => {
    if (Object.keys(operations).length > 0) paths[path] = { ...operations, parameters: scope.pathParameters(path) };
  };
  add(collection, {
    ...(verbs.includes('list') && { get: scope.list(isNamespaced ? 'Namespaced' : '') }),
    ...(verbs.includes('create') && { post: scope.create() }),
    ...(verbs.includes('deletecollection') && { delete: scope.deleteCollection() }),
  });
  if (isNamespaced && verbs.includes('list')) add(`${base}/${kind.plural}`, { get: scope.list('AllNamespaces') });
  add(`${collection}/{name}`, {
    ...(verbs.includes('get') && { get: scope.read() }),
    ...(verbs.includes('update') && { put: scope.replace() }),
    ...(verbs.includes('patch') && { patch: scope.patch() }),
    ...(verbs.includes('delete') && { delete: scope.delete() }),
  });
  for (const subresource of kind.subresources ?? []) {
    add(`${collection}/{name}/${subresource.name}`, scope.subresource(subresource));
  }
  return paths;
}

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const statusType = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
const deleteOptionsType = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
const mediaTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

/** Query parameters: JSON type and text. */
const queryParameters = {
  allowWatchBookmarks: ['boolean', 'Ask for bookmark events in a watch.'],
  continue: ['string', 'Token of the next page, from the previous page’s metadata.'],
  dryRun: ['string', 'With All, do everything but store the change.'],
  fieldManager: ['string', 'Name of the actor that makes the change.'],
  fieldSelector: ['string', 'Select objects by fields.'],
  fieldValidation: ['string', 'What to do about unknown and duplicate fields: Ignore, Warn or Strict.'],
  force: ['boolean', 'Take over fields that other managers own (server-side apply).'],
  gracePeriodSeconds: ['integer', 'Seconds before the object is deleted; 0 is at once.'],
  labelSelector: ['string', 'Select objects by labels.'],
  limit: ['integer', 'Largest number of objects in an answer.'],
  orphanDependents: ['boolean', 'Deprecated: use propagationPolicy.'],
  pretty: ['string', 'With true, the answer is indented.'],
  propagationPolicy: ['string', 'What becomes of dependents: Orphan, Background or Foreground.'],
  resourceVersion: ['string', 'Which state to read, or from which to watch.'],
  resourceVersionMatch: ['string', 'How resourceVersion is applied to a list.'],
  sendInitialEvents: ['boolean', 'Begin a watch with the objects that exist.'],
  timeoutSeconds: ['integer', 'Longest duration of the call.'],
  watch: ['boolean', 'Watch for changes instead of listing.'],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

type QueryParameter = keyof typeof queryParameters;

const writeParameters: readonly QueryParameter[] = ['pretty', 'dryRun', 'fieldManager', 'fieldValidation'];
const deleteParameters: readonly QueryParameter[] = [
  'pretty',
  'dryRun',
  'gracePeriodSeconds',
  'orphanDependents',
  'propagationPolicy',
];
const listParameters: readonly QueryParameter[] = [
  'pretty',
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];

interface OperationSpec {
  action: string;
  id: string;
  parameters: readonly QueryParameter[];
  body?: { type: string; isPatch?: boolean; isOptional?: boolean };
  answer: string | undefined;
  kind?: GroupVersionKind;
}

class KindPaths {
  readonly #kind: ResourceKind;
  readonly #version: KindVersion;
  readonly #dialect: Dialect;
  readonly #label: string;

  constructor(kind: ResourceKind, version: KindVersion, dialect: Dialect) {
    this.#kind = kind;
    this.#version = version;
    this.#dialect = dialect;
    this.#label = groupLabel(version.group) + capitalized(version.version);
  }

  pathParameters(path: string): JsonObject[] {
    const found: JsonObject[] = [];
    for (const name of ['name', 'namespace']) {
      if (!path.includes(`{${name}}`)) continue;
      const description = name === 'name' ? `name of the ${this.#kind.kind}` : 'name of the namespace';
      found.push(this.#parameter({ name, place: 'path', type: 'string', description }));
    }
    return found;
  }

  list(scope: 'Namespaced' | 'AllNamespaces' | ''): JsonObject {
    const listType = `${this.#version.type}List`;
    const id = scope === 'AllNamespaces' ? `${this.#kind.kind}ForAllNamespaces` : `${scope}${this.#kind.kind}`;
    return this.#operation({
      action: 'list',
      id: `list${this.#label}${id}`,
      parameters: listParameters,
      answer: this.#version.custom || hasType(listType) ? listType : undefined,
    });
  }

  create(): JsonObject {
    const { type } = this.#version;
    return this.#operation({
      action: 'post',
      id: this.#id('create'),
      parameters: writeParameters,
      body: { type },
      answer: type,
    });
  }

  deleteCollection(): JsonObject {
    return this.#operation({
      action: 'deletecollection',
      id: `delete${this.#label}Collection${this.#name}`,
      parameters: [...deleteParameters, ...listParameters.filter((name) => name !== 'pretty' && name !== 'watch')],
      body: { type: deleteOptionsType, isOptional: true },
      answer: statusType,
    });
  }

  read(): JsonObject {
    return this.#operation({ action: 'get', id: this.#id('read'), parameters: ['pretty'], answer: this.#version.type });
  }

  replace(): JsonObject {
    const { type } = this.#version;
    return this.#operation({
      action: 'put',
      id: this.#id('replace'),
      parameters: writeParameters,
      body: { type },
      answer: type,
    });
  }

  patch(): JsonObject {
    return this.#operation({ ...this.#patchSpec(''), answer: this.#version.type });
  }

  delete(): JsonObject {
    return this.#operation({
      action: 'delete',
      id: this.#id('delete'),
      parameters: deleteParameters,
      body: { type: deleteOptionsType, isOptional: true },
      answer: statusType,
    });
  }

  subresource({ name, verbs, ...own }: Subresource): JsonObject {
    const group = own.group ?? this.#version.group;
    const version = own.version ?? this.#version.version;
    const kind = { group, version, kind: own.kind ?? this.#kind.kind };
    const type = own.kind ? typeOfKind(apiVersionOf(group, version), own.kind) : this.#version.type;
    const suffix = capitalized(name);
    const body = type === undefined ? undefined : { type };
    const write = { parameters: writeParameters, answer: type, kind, ...(body && { body }) };
    const operations: JsonObject = {};
    if (verbs.includes('get')) {
      const spec = { action: 'get', id: this.#id('read') + suffix, parameters: ['pretty'] as const };
      operations.get = this.#operation({ ...spec, answer: type, kind });
    }
    if (verbs.includes('create')) {
      operations.post = this.#operation({ ...write, action: 'post', id: this.#id('create') + suffix });
    }
    if (verbs.includes('update')) {
      operations.put = this.#operation({ ...write, action: 'put', id: this.#id('replace') + suffix });
    }
    if (verbs.includes('patch')) operations.patch = this.#operation({ ...this.#patchSpec(suffix), answer: type, kind });
    return operations;
  }

  get #name(): string {
    return `${this.#kind.scope === 'Namespaced' ? 'Namespaced' : ''}${this.#kind.kind}`;
  }

  #id(verb: string): string {
    return `${verb}${this.#label}${this.#name}`;
  }

  #patchSpec(suffix: string): Omit<OperationSpec, 'answer'> {
    return {
      action: 'patch',
      id: this.#id('patch') + suffix,
      parameters: [...writeParameters, 'force'],
      body: { type: '', isPatch: true },
    };
  }

  #operation({ action, id, parameters, body, answer, kind }: OperationSpec): JsonObject {
    const { group, version } = this.#version;
    const isV2 = this.#dialect === 2;
    const query = parameters.map((name) => {
      const [type, description] = queryParameters[name];
      return this.#parameter({ name, place: 'query', type, description });
    });
    const schema = body?.isPatch ? { type: 'object' } : body ? refTo(body.type, this.#dialect) : undefined;
    const isRequired = body?.isOptional !== true;
    const result = answer === undefined ? undefined : refTo(answer, this.#dialect);
    const { custom } = this.#version;
    const patches = custom ? patchTypes.filter((type) => !type.includes('strategic')) : patchTypes;
    const consumes = body?.isPatch ? patches : ['*/*'];
    const common: JsonObject = {
      tags: [`${lowered(groupLabel(group))}_${version}`],
      operationId: id,
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': kind ?? { group, kind: this.#kind.kind, version },
    };
    if (isV2) {
      const bodyParameter = schema && { name: 'body', in: 'body', ...(isRequired && { required: true }), schema };
      return {
        ...common,
        consumes,
        produces: mediaTypes,
        parameters: bodyParameter ? [bodyParameter, ...query] : query,
        responses: {
          '200': { description: 'OK', ...(result && { schema: result }) },
          '401': { description: 'Unauthorized' },
        },
      };
    }
    const content = (types: readonly string[], value: JsonObject): JsonObject =>
      Object.fromEntries(types.map((type) => [type, { schema: value }]));
    return {
      ...common,
      parameters: query,
      ...(schema && { requestBody: { content: content(consumes, schema), ...(isRequired && { required: true }) } }),
      responses: {
        '200': { description: 'OK', ...(result && { content: content(mediaTypes, result) }) },
        '401': { description: 'Unauthorized' },
      },
    };
  }

  #parameter(options: { name: string; place: string; type: string; description: string }): JsonObject {
    const { name, place, type, description } = options;
    const head = { name, in: place, description, ...(place === 'path' && { required: true }) };
    return this.#dialect === 2
      ? { ...head, type, uniqueItems: true }
      : { ...head, schema: { type, uniqueItems: true } };
  }
}

/** `RbacAuthorization` for `rbac.authorization.k8s.io`. */
function groupLabel(group: string): string {
  if (group === '') return 'Core';
  return group
    .replace(/\.k8s\.io$/, '')
    .split('.')
    .map(capitalized)
    .join('');
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
