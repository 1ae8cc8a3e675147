import type { KubeObject } from '../../api/object.ts';
import type { Container, PodSpec } from '../../api/types/core-v1.ts';
import type { Patch } from '../../client/client.ts';
import { CliError } from '../errors.ts';
import { type Change, specOf } from './change-objects.ts';

/** The containers that `-c` names; `*` stands for any letters. */
export function chosen({ containers }: PodSpec, { containers: pattern = '*' }: { containers?: string }): Container[] {
  const names = new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);
  return containers.filter(({ name }) => names.test(name));
}

/** Of a workload the template's pod, of a pod its own spec, of a cron job its job's. Throws CliError for others. */
export function podSpecOf(object: KubeObject): PodSpec {
  return found(object).podSpec;
}

/** A strategic patch of an object's pods. */
export function templateChange(object: KubeObject, said: string, patchOf: (spec: PodSpec) => object): Change {
  const { podSpec, patch } = found(object);
  return { patch: patch(patchOf(podSpec)), said };
}

interface Found {
  podSpec: PodSpec;
  /** The patch of the whole object. */
  patch: (ofPod: object) => Patch;
}

function found(object: KubeObject): Found {
  const { template, jobTemplate, ...own } = specOf<{
    template?: { spec?: PodSpec };
    jobTemplate?: { spec?: { template?: { spec?: PodSpec } } };
    containers?: Container[];
  }>(object);
  const patching = (place: (ofPod: object) => Record<string, unknown>) => (ofPod: object) =>
    ({ kind: 'strategic', document: { spec: place(ofPod) } }) as const;
  if (template?.spec) return { podSpec: template.spec, patch: patching((spec) => ({ template: { spec } })) };
  const ofJob = jobTemplate?.spec?.template?.spec;
  if (ofJob) return { podSpec: ofJob, patch: patching((spec) => ({ jobTemplate: { spec: { template: { spec } } } })) };
  if (own.containers) return { podSpec: own as PodSpec, patch: patching((spec) => spec as Record<string, unknown>) };
  throw new CliError('the object is not a pod or does not have a pod template');
}
