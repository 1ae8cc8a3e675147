import type { ConfigMap, Container, EnvVar, Secret } from '../../api/types/core-v1.ts';
import { CliError } from '../errors.ts';
import { changeObjects, objectsOf, splitChanges } from './change-objects.ts';
import { chosen, podSpecOf, templateChange } from './pod-template-change.ts';
import { placeOf, selectionOf } from './selection.ts';
import { type Kube, withKube } from './session.ts';
import type { SetFlags } from './set.ts';

export interface EnvFlags extends SetFlags {
  list?: boolean;
  /** `configmap/NAME`, `secret/NAME`: a variable for each key. */
  from?: string;
  prefix?: string;
  keys?: string[];
  /** `true` or `false`. */
  overwrite?: string;
}

/** `set env deploy/web A=b C-`, `--from=configmap/NAME`, `--list`. */
export async function setEnv(words: readonly string[], flags: EnvFlags): Promise<void> {
  const { rest, set, removed } = splitChanges(words, 'environment variable');
  if (flags.list) return listEnv(rest, flags);
  const imported = flags.from ? await variablesFrom(flags.from, flags) : [];
  // What was wrong has been told.
  if (!imported) return;
  const added = [...set.map(([name, value]): EnvVar => ({ name, value })), ...imported];
  if (added.length + removed.length === 0) throw new CliError('at least one environment variable must be provided');
  await changeObjects(rest, flags, (object, { resource, name }) =>
    templateChange(object, 'env updated', (spec) => {
      const containers = chosen(spec, flags);
      if (flags.overwrite === 'false') requireNew(`${resource.plural}/${name ?? ''}`, containers, added);
      return { containers: containers.map((each) => ({ name: each.name, ...envPatch(each, added, removed) })) };
    }),
  );
}

/** What is new comes last. A variable that had its value from elsewhere has it no more, and the other way round. */
function envPatch({ env = [] }: Container, added: readonly EnvVar[], removed: readonly string[]): object {
  const names = new Set([...env, ...added].map(({ name }) => name));
  const order = [...names].filter((name) => !removed.includes(name));
  const inOrder = added.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const set = inOrder.map((variable) => {
    const old = env.find(({ name }) => name === variable.name);
    if (old?.valueFrom && variable.value !== undefined) return { ...variable, valueFrom: null };
    return old?.value !== undefined && variable.valueFrom ? { ...variable, value: null } : variable;
  });
  const gone = removed.map((name) => ({ name, $patch: 'delete' }));
  return { env: [...set, ...gone], '$setElementOrder/env': order.map((name) => ({ name })) };
}

function requireNew(object: string, containers: readonly Container[], added: readonly EnvVar[]): void {
  for (const { env = [] } of containers) {
    const taken = env.find(({ name }) => added.some((each) => each.name === name));
    if (taken)
      throw new CliError(
        `${object} '${taken.name}' already has a value (${taken.value ?? ''}), and --overwrite is false`,
      );
  }
}

/** Undefined when it could not be read. */
async function variablesFrom(source: string, flags: EnvFlags): Promise<EnvVar[] | undefined> {
  let variables: EnvVar[] | undefined;
  await withKube(flags, async (kube) => {
    const { kind, object } = await sourceOf(kube, source);
    const name = object.metadata.name ?? '';
    variables = [];
    for (const key of Object.keys(object.data ?? {}).toSorted((a, b) => (a < b ? -1 : 1))) {
      if (flags.keys && !flags.keys.includes(key)) continue;
      const variable = key.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_');
      if (variable !== key) process.stderr.write(`Warning: key ${key} transferred to ${variable}\n`);
      const reference = { name, key };
      variables.push({
        name: `${flags.prefix ?? ''}${variable}`,
        valueFrom: kind === 'Secret' ? { secretKeyRef: reference } : { configMapKeyRef: reference },
      });
    }
  });
  return variables;
}

async function sourceOf(kube: Kube, word: string): Promise<{ kind: string; object: ConfigMap | Secret }> {
  const [selection] = await selectionOf(kube, [word], {});
  if (selection?.name === undefined) throw new CliError('resource(s) were provided, but no name was specified');
  const { kind } = selection.resource;
  if (kind !== 'ConfigMap' && kind !== 'Secret') throw new CliError('unsupported resource specified in --from');
  return { kind, object: await kube.client.get(selection.resource, placeOf(kube, selection)) };
}

/** `set env TYPE/NAME --list`: the variables of each container, and where they come from. */
async function listEnv(words: readonly string[], flags: EnvFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    for (const { selection, object } of await objectsOf(kube, words, flags)) {
      const spec = podSpecOf(object);
      const { containers, initContainers = [] } = spec;
      for (const { name, env = [] } of chosen({ ...spec, containers: [...containers, ...initContainers] }, flags)) {
        const lines = [`# ${selection.resource.kind} ${selection.name ?? ''}, container ${name}`, ...env.map(envLine)];
        process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      }
    }
  });
}

function envLine({ name, value = '', valueFrom }: EnvVar): string {
  const { configMapKeyRef: config, secretKeyRef: secret, fieldRef, resourceFieldRef: amount } = valueFrom ?? {};
  if (config) return `# ${name} from configmap ${config.name ?? ''}, key ${config.key}`;
  if (secret) return `# ${name} from secret ${secret.name ?? ''}, key ${secret.key}`;
  if (fieldRef) return `# ${name} from field path ${fieldRef.fieldPath}`;
  if (amount)
    return `# ${name} from resource field ${amount.containerName ? `${amount.containerName}.` : ''}${amount.resource}`;
  return `${name}=${value}`;
}
