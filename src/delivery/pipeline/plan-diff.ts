import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import type { Tried } from '../charts/actions/try-objects.ts';
import { lastAppliedAnnotation } from '../../api/well-known.ts';

const context = 3;

/**
 * What would change, as unified diffs of the objects in YAML, and a line that counts. Values of Secrets are masked;
 * what the server keeps for itself (versions, managed fields, status) is left out. Pure.
 */
export function renderPlan(tried: readonly Tried[]): string[] {
  const lines = tried.flatMap((each) => diffOf(each));
  const count = (action: Tried['action']): number => tried.filter((each) => each.action === action).length;
  const summary =
    `${count('created')} to create, ${count('configured')} to change, ${count('deleted')} to delete, ` +
    `${count('unchanged')} unchanged.`;
  return [...lines, summary];
}

function diffOf(tried: Tried): string[] {
  if (tried.action === 'unchanged') return [];
  const before = 'before' in tried ? tried.before : undefined;
  const after = 'after' in tried ? tried.after : undefined;
  const name = titleOf(after ?? before);
  const [old, made] = masked(before && shown(before), after && shown(after));
  const text = (object: AnyObject | undefined): string =>
    object ? stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, sortMapEntries: true }) : '';
  const patch = createTwoFilesPatch('a', 'b', text(old), text(made), undefined, undefined, { context });
  const hunks = patch
    .split('\n')
    .slice(3)
    .filter((line) => line !== '' && !line.startsWith('\\'));
  const sign = { created: '+', configured: '~', deleted: '-' }[tried.action];
  return [`${sign} ${name}`, ...hunks.map((line) => `    ${line}`)];
}

function titleOf(object: KubeObject | undefined): string {
  const { namespace, name } = object?.metadata ?? {};
  return `${object?.kind} ${namespace ? `${namespace}/` : ''}${name}`;
}

/** The object less what is the server's own. */
function shown(object: KubeObject): AnyObject {
  const { status, metadata, ...rest } = object as AnyObject;
  const { managedFields, resourceVersion, uid, creationTimestamp, generation, annotations, ...kept } = metadata;
  void [status, managedFields, resourceVersion, uid, creationTimestamp, generation];
  const own = Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => key !== lastAppliedAnnotation));
  return { ...rest, metadata: { ...kept, ...(Object.keys(own).length > 0 && { annotations: own }) } };
}

/** Secrets show which of their values change, and never a value. */
function masked(before?: AnyObject, after?: AnyObject): [AnyObject | undefined, AnyObject | undefined] {
  if ((after ?? before)?.kind !== 'Secret') return [before, after];
  const hide = (object: AnyObject | undefined, other: AnyObject | undefined, word: string): AnyObject | undefined => {
    if (!object) return undefined;
    const hidden = ['data', 'stringData'].flatMap((field): [string, unknown][] => {
      const values = object[field];
      if (!isJsonObject(values)) return [];
      const others: Record<string, unknown> = isJsonObject(other?.[field]) ? other[field] : {};
      const cover = (key: string): string => (other && others[key] !== values[key] ? `*** (${word})` : '***');
      return [[field, Object.fromEntries(Object.keys(values).map((key) => [key, cover(key)]))]];
    });
    return { ...object, ...Object.fromEntries(hidden) };
  };
  return [hide(before, after, 'before'), hide(after, before, 'after')];
}
