import type { Container } from '../../api/types/core-v1.ts';
import type { RoleBinding, Subject } from '../../api/types/rbac-v1.ts';
import { CliError } from '../errors.ts';
import { type ChangeFlags, changeObjects, specOf, splitChanges } from './change-objects.ts';
import { pairsOf } from './create/make.ts';
import { subjectsOf } from './create/subjects.ts';
import { chosen, templateChange } from './pod-template-change.ts';

export interface SetFlags extends ChangeFlags {
  /** Of `set env` and `set resources`: names, with `*`; default: all. */
  containers?: string;
  limits?: string;
  requests?: string;
}

/** `set image deploy/web main=web:2`: `*` stands for every container. */
export async function setImage(words: readonly string[], flags: SetFlags): Promise<void> {
  const { rest, set } = splitChanges(words, 'image');
  if (set.length === 0) throw new CliError('at least one image update is required');
  await changeObjects(rest, flags, (object) =>
    templateChange(object, 'image updated', ({ containers, initContainers = [] }) => {
      const all = [...initContainers, ...containers];
      const missing = set.find(([name]) => name !== '*' && !all.some((each) => each.name === name));
      if (missing) throw new CliError(`unable to find container named "${missing[0]}"`);
      const imageOf = (name: string): string | undefined =>
        set.findLast(([pattern]) => pattern === name || pattern === '*')?.[1];
      const changed = (list: readonly Container[]): Partial<Container>[] =>
        list.flatMap(({ name }) => {
          const image = imageOf(name);
          return image === undefined ? [] : [{ name, image }];
        });
      return {
        containers: changed(containers),
        ...(initContainers.length > 0 && { initContainers: changed(initContainers) }),
      };
    }),
  );
}

/** `set resources deploy/web --limits=cpu=1,memory=1Gi`. */
export async function setResources(words: readonly string[], flags: SetFlags): Promise<void> {
  const { limits, requests } = flags;
  if (!limits && !requests)
    throw new CliError('you must specify an update to requests or limits (in the form of --requests/--limits)');
  const resources = { ...(limits && { limits: amounts(limits) }), ...(requests && { requests: amounts(requests) }) };
  await changeObjects(words, flags, (object) =>
    templateChange(object, 'resource requirements updated', (spec) => ({
      containers: chosen(spec, flags).map(({ name }) => ({ name, resources })),
    })),
  );
}

function amounts(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [name = '', amount] = pair.split('=', 2);
      if (!amount) throw new CliError(`invalid argument syntax ${pair}, expected <resource>=<value>`);
      return [name, amount];
    }),
  );
}

/** `set serviceaccount deploy/web NAME`: as which account its pods run. */
export async function setServiceAccount(words: readonly string[], flags: SetFlags): Promise<void> {
  const serviceAccountName = words.at(-1);
  if (serviceAccountName === undefined) throw new CliError('serviceaccount is required');
  await changeObjects(words.slice(0, -1), flags, (object) =>
    templateChange(object, 'serviceaccount updated', () => ({
      serviceAccountName,
      serviceAccount: serviceAccountName,
    })),
  );
}

/** `set selector svc web app=web,tier=front`: which pods a service leads to. */
export async function setSelector(words: readonly string[], flags: SetFlags): Promise<void> {
  const expression = words.at(-1);
  if (expression === undefined) throw new CliError('one selector is required');
  const selector = pairsOf(expression);
  await changeObjects(words.slice(0, -1), flags, (object, { resource }) => {
    if (resource.kind !== 'Service') throw new CliError('setting a selector is only supported for Services');
    const old = Object.keys(specOf<{ selector?: object }>(object).selector ?? {});
    const gone = Object.fromEntries(old.map((key) => [key, null]));
    return {
      patch: { kind: 'merge', document: { spec: { selector: { ...gone, ...selector } } } },
      said: 'selector updated',
    };
  });
}

export interface SubjectFlags extends Omit<ChangeFlags, 'user'> {
  user?: string[];
  group?: string[];
  serviceaccount?: string[];
}

/** `set subject rolebinding/readers --user=jane`: adds whom a binding is about. */
export async function setSubject(
  words: readonly string[],
  { user, group, serviceaccount, ...flags }: SubjectFlags,
): Promise<void> {
  const added = subjectsOf({
    ...(user && { user }),
    ...(group && { group }),
    ...(serviceaccount && { serviceaccount }),
  });
  if (added.length === 0) throw new CliError('you must specify at least one value of user, group or serviceaccount');
  await changeObjects(words, flags, (object, { resource }) => {
    if (resource.kind !== 'RoleBinding' && resource.kind !== 'ClusterRoleBinding')
      throw new CliError('setting subjects is only supported for RoleBinding/ClusterRoleBinding');
    const { subjects = [] } = object as RoleBinding;
    const keyOf = ({ kind, name, namespace = '' }: Subject): string => JSON.stringify([kind, name, namespace]);
    const known = new Set(subjects.map(keyOf));
    const all = [...subjects, ...added.filter((subject) => !known.has(keyOf(subject)))];
    return { patch: { kind: 'merge', document: { subjects: all } }, said: 'subjects updated' };
  });
}
