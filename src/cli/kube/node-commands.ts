import type { KubeObject } from '../../api/object.ts';
import type { Taint } from '../../api/types/core-v1.ts';
import { CliError } from '../errors.ts';
import { type Change, type ChangeFlags, changeObjects, specOf } from './change-objects.ts';

export interface TaintFlags extends ChangeFlags {
  overwrite?: boolean;
}

export async function cordon(names: readonly string[], flags: ChangeFlags): Promise<void> {
  await changeNodes(names, flags, true);
}

export async function uncordon(names: readonly string[], flags: ChangeFlags): Promise<void> {
  await changeNodes(names, flags, false);
}

async function changeNodes(names: readonly string[], flags: ChangeFlags, isCordoned: boolean): Promise<void> {
  const verb = isCordoned ? 'cordoned' : 'uncordoned';
  await changeObjects(nodeWords(names, flags), flags, (object) => cordonChange(object, isCordoned, verb));
}

export function nodeWords(names: readonly string[], { selector }: ChangeFlags): string[] {
  if (names.length > 0 && selector)
    throw new CliError('error: cannot specify both a node name and a --selector option');
  if (names.length === 0 && !selector) throw new CliError('USAGE: NODE… or --selector');
  return ['nodes', ...names];
}

export function cordonChange(object: KubeObject, isCordoned: boolean, verb: string): Change {
  const { unschedulable = false } = specOf<{ unschedulable?: boolean }>(object);
  if (unschedulable === isCordoned) return { said: `already ${verb}` };
  return { patch: { kind: 'merge', document: { spec: { unschedulable: isCordoned || null } } }, said: verb };
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

interface TaintChange {
  key: string;
  value?: string;
  effect?: string;
  isRemoval: boolean;
}

/** `taint nodes NAME KEY=VALUE:EFFECT KEY:EFFECT- KEY-`. */
export async function taint(words: readonly string[], flags: TaintFlags): Promise<void> {
  const isChange = (word: string): boolean => word.includes(':') || word.includes('=') || word.endsWith('-');
  const at = words.findIndex(isChange);
  const changes = at < 0 ? [] : words.slice(at).map(parseTaint);
  if (changes.length === 0) throw new CliError('at least one taint update is required');
  await changeObjects(words.slice(0, at), flags, (object, { resource, name }) => {
    if (resource.kind !== 'Node') throw new CliError(`taints are of nodes, not of ${resource.plural}`);
    return taintChange(name ?? '', specOf<{ taints?: Taint[] }>(object).taints ?? [], { changes, flags });
  });
}

function parseTaint(word: string): TaintChange {
  const isRemoval = word.endsWith('-');
  const [, key = '', value, effect] =
    /^([^=:]+)(?:=([^:]*))?(?::(.*))?$/.exec(isRemoval ? word.slice(0, -1) : word) ?? [];
  if (key === '') throw new CliError(`invalid taint spec: ${word}`);
  if (effect !== undefined && !effects.includes(effect))
    throw new CliError(`invalid taint effect: ${effect}, unsupported taint effect`);
  if (!isRemoval && effect === undefined) throw new CliError(`invalid taint spec: ${word}`);
  return { key, ...(value !== undefined && { value }), ...(effect !== undefined && { effect }), isRemoval };
}

function taintChange(
  node: string,
  now: readonly Taint[],
  { changes, flags }: { changes: readonly TaintChange[]; flags: TaintFlags },
): Change {
  let taints = [...now];
  for (const { key, value, effect, isRemoval } of changes) {
    const isMeant = (taint: Taint): boolean => taint.key === key && (effect === undefined || taint.effect === effect);
    const there = taints.filter(isMeant);
    if (isRemoval && there.length === 0) throw new CliError(`taint "${key}${effect ? `:${effect}` : ''}" not found`);
    if (!isRemoval && there.length > 0 && !flags.overwrite) {
      throw new CliError(`node ${node} already has ${key} taint(s) with same effect(s) and --overwrite is false`);
    }
    taints = taints.filter((taint) => !isMeant(taint));
    if (!isRemoval) taints.push({ key, effect: effect ?? '', ...(value && { value }) });
  }
  const removes = changes.filter(({ isRemoval }) => isRemoval).length;
  const isMixed = removes > 0 || flags.overwrite;
  const said = removes === changes.length ? 'untainted' : isMixed ? 'modified' : 'tainted';
  return { patch: { kind: 'merge', document: { spec: { taints: taints.length > 0 ? taints : null } } }, said };
}
