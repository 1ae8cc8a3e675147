import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { AnyObject } from '../../api/object.ts';
import { isJsonObject, type JsonObject } from '../../api/plain-json.ts';
import { KustomizeError } from './kustomize-error.ts';
import type { GeneratorArgs, GeneratorOptions } from './kustomization.ts';
import { isCalled, type KustomizeResource, resourceOf } from './resource.ts';

export interface GeneratorInput {
  kind: 'ConfigMap' | 'Secret';
  args: GeneratorArgs;
  common: GeneratorOptions;
  /** In errors: `k8s/kustomization.yaml: secretGenerator[0]`. */
  where: string;
  read: (path: string) => Buffer;
  /** Gives variables of env files that have no value their own. */
  environment: Readonly<Record<string, string | undefined>>;
}

/** Adds what a generator makes, or merges it into what is there (`behavior`). Pure but for `read`. */
export function generate(resources: readonly KustomizeResource[], input: GeneratorInput): KustomizeResource[] {
  const { args, kind, where } = input;
  const made = generatedObject(input);
  const { behavior = 'create', namespace } = args;
  const same = (each: KustomizeResource): boolean =>
    each.object.kind === kind &&
    isCalled(each, args.name) &&
    (namespace === undefined || each.object.metadata.namespace === namespace);
  const found = resources.filter(same);
  const needsHash = !(args.options?.disableNameSuffixHash ?? input.common.disableNameSuffixHash ?? false);
  if (behavior === 'create') {
    if (found.length > 0) {
      throw new KustomizeError(where, `there is a ${kind} ${args.name} already: behavior must be merge or replace`);
    }
    return [...resources, resourceOf(made, needsHash)];
  }
  if (found.length !== 1) {
    throw new KustomizeError(
      where,
      `behavior ${behavior} needs one ${kind} ${args.name} to go to; there are ${found.length}`,
    );
  }
  return resources.map((each) => {
    if (!same(each)) return each;
    const merge = (field: string): JsonObject => ({
      ...(behavior === 'merge' ? (each.object[field] as JsonObject | undefined) : undefined),
      ...(made[field] as JsonObject | undefined),
    });
    const { labels, annotations } = made.metadata;
    const metadata = {
      ...each.object.metadata,
      ...(labels && { labels: { ...each.object.metadata.labels, ...labels } }),
      ...(annotations && { annotations: { ...each.object.metadata.annotations, ...annotations } }),
    };
    const binary = merge('binaryData');
    const object = {
      ...each.object,
      metadata,
      data: merge('data'),
      ...(Object.keys(binary).length > 0 && { binaryData: binary }),
    };
    return { ...each, object };
  });
}

function generatedObject(input: GeneratorInput): AnyObject {
  const { kind, args, common } = input;
  const own = args.options ?? {};
  const labels = { ...common.labels, ...own.labels };
  const annotations = { ...common.annotations, ...own.annotations };
  const immutable = own.immutable ?? common.immutable;
  const entries = entriesOf(input);
  return {
    apiVersion: 'v1',
    kind,
    metadata: {
      name: args.name,
      ...(args.namespace !== undefined && { namespace: args.namespace }),
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    ...(kind === 'Secret' ? { type: args.type ?? 'Opaque', ...secretData(entries) } : configData(entries)),
    ...(immutable && { immutable: true }),
  };
}

function entriesOf({ args, where, read, environment }: GeneratorInput): Map<string, Buffer> {
  const entries = new Map<string, Buffer>();
  const add = (key: string, value: Buffer): void => {
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) throw new KustomizeError(where, `"${key}" cannot be a key`);
    if (entries.has(key)) throw new KustomizeError(where, `key ${key} comes twice`);
    entries.set(key, value);
  };
  for (const path of [...(args.envs ?? []), ...(args.env === undefined ? [] : [args.env])]) {
    for (const [key, value] of environmentEntries(read(path).toString(), environment)) add(key, Buffer.from(value));
  }
  for (const file of args.files ?? []) {
    const at = file.indexOf('=');
    add(at < 0 ? basename(file) : file.slice(0, at), read(at < 0 ? file : file.slice(at + 1)));
  }
  for (const literal of args.literals ?? []) {
    const at = literal.indexOf('=');
    // Never quoted: it may be a password.
    if (at <= 0) throw new KustomizeError(where, 'a literal must be KEY=VALUE');
    add(literal.slice(0, at), Buffer.from(literal.slice(at + 1).replace(/^(["'])(.*)\1$/s, '$2')));
  }
  return new Map([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The variables of a file of `KEY=VALUE` lines; of a line that is a name alone, the environment's. */
export function environmentEntries(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): [string, string][] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [line, environment[line] ?? ''] : [line.slice(0, at), line.slice(at + 1)];
    });
}

/** Entries as a secret holds them. */
export function secretData(entries: ReadonlyMap<string, Buffer>): JsonObject {
  if (entries.size === 0) return {};
  return { data: Object.fromEntries([...entries].map(([key, value]) => [key, value.toString('base64')])) };
}

/** Entries as a config map holds them: text as text, what is no UTF-8 as `binaryData`. */
export function configData(entries: ReadonlyMap<string, Buffer>): JsonObject {
  const isUtf8 = (value: Buffer): boolean => Buffer.from(value.toString()).equals(value);
  const texts = [...entries].filter(([, value]) => isUtf8(value)).map(([key, value]) => [key, value.toString()]);
  const bytes = [...entries]
    .filter(([, value]) => !isUtf8(value))
    .map(([key, value]) => [key, value.toString('base64')]);
  return {
    ...(texts.length > 0 && { data: Object.fromEntries(texts) as JsonObject }),
    ...(bytes.length > 0 && { binaryData: Object.fromEntries(bytes) as JsonObject }),
  };
}

/**
 * The digest that kustomize puts behind the name of what it generates: ten letters of a SHA-256 over kind, type
 * and data, in Go's JSON, with letters instead of those that could spell something. kubectl's (`--append-hash`) is over
 * the name as well; kustomize means to count it, and looks for it where it is not: today's digests are without.
 */
export function contentHash({ kind, data, binaryData, stringData, type }: AnyObject, kubectlName?: string): string {
  const name = kubectlName ?? '';
  const all = data ?? (kubectlName === undefined ? '' : null);
  const fields =
    kind === 'Secret'
      ? { data: all, kind, name, ...(isJsonObject(stringData) && { stringData }), type: type ?? '' }
      : { ...(isJsonObject(binaryData) && { binaryData }), data: all, kind, name };
  const digest = createHash('sha256').update(goJson(fields)).digest('hex').slice(0, 10);
  return digest.replace(/[013ae]/g, (letter) => ({ '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' })[letter] ?? letter);
}

/** Keys sorted, and HTML's letters escaped, as encoding/json does. */
function goJson(value: unknown): string {
  const sorted = (each: unknown): unknown =>
    isJsonObject(each)
      ? Object.fromEntries(
          Object.keys(each)
            .toSorted((a, b) => (a < b ? -1 : 1))
            .map((key) => [key, sorted(each[key])]),
        )
      : each;
  const escape = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(sorted(value)).replace(/[<>&\u2028\u2029]/g, escape);
}
