import type { KubeObject } from '../../api/object.ts';
import type { Container, EnvVar, PodSpec } from '../../api/types/core-v1.ts';
import { CliError } from '../errors.ts';
import { type Change, type ChangeFlags, changeObjects, specOf, splitChanges } from './change-objects.ts';

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

/** `set env deploy/web A=b C-`. */
export async function setEnv(words: readonly string[], flags: SetFlags): Promise<void> {
  const { rest, set, removed } = splitChanges(words, 'environment variable');
  if (set.length + removed.length === 0) throw new CliError('at least one environment variable must be provided');
  const variables = [
    ...set.map(([name, value]): EnvVar => ({ name, value })),
    ...removed.map((name) => ({ name, $patch: 'delete' })),
  ];
  await changeObjects(rest, flags, (object) =>
    templateChange(object, 'env updated', (spec) => ({
      containers: chosen(spec, flags).map(({ name }) => ({ name, env: variables })),
    })),
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

function chosen({ containers }: PodSpec, { containers: pattern = '*' }: SetFlags): Container[] {
  const names = new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);
  return containers.filter(({ name }) => names.test(name));
}

interface TemplatePatch {
  containers: object[];
  initContainers?: object[];
}

/** Of a workload the template's pod, of a pod its own spec, of a cron job its job's. */
function templateChange(object: KubeObject, said: string, patchOf: (spec: PodSpec) => TemplatePatch): Change {
  const spec = specOf<{
    template?: { spec?: PodSpec };
    jobTemplate?: { spec?: { template?: { spec?: PodSpec } } };
    containers?: Container[];
  }>(object);
  const { template, jobTemplate } = spec;
  const ofJob = jobTemplate?.spec?.template?.spec;
  if (template?.spec)
    return { patch: { kind: 'strategic', document: { spec: { template: { spec: patchOf(template.spec) } } } }, said };
  if (ofJob) {
    const document = { spec: { jobTemplate: { spec: { template: { spec: patchOf(ofJob) } } } } };
    return { patch: { kind: 'strategic', document }, said };
  }
  if (!spec.containers)
    throw new CliError(
      `the object is not a pod or does not have a pod template: ${object.kind ?? object.metadata.name ?? ''}`,
    );
  return { patch: { kind: 'strategic', document: { spec: patchOf(spec as PodSpec) } }, said };
}
