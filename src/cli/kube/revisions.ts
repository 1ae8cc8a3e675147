import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { ControllerRevision, ReplicaSet } from '../../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { Resource } from '../../client/client.ts';
import { controllerRevisions, replicaSets } from '../../client/resources.ts';
import type { Kube } from './session.ts';
import { revisionAnnotation } from '../../api/well-known.ts';

/** One template that a workload had. */
export interface Revision {
  revision: number;
  template: PodTemplateSpec;
  /** Of what keeps the template. */
  annotations: Readonly<Record<string, string>>;
}

const changeCause = 'kubernetes.io/change-cause';

/** A workload's templates, the oldest first: of a deployment its replica sets', else those of its controller revisions. */
export async function revisionsOf(
  { client, namespace }: Kube,
  { kind }: Resource,
  owner: KubeObject,
): Promise<Revision[]> {
  const isOwned = ({ metadata }: KubeObject): boolean =>
    metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) ?? false;
  const where = { namespace: owner.metadata.namespace ?? namespace };
  const found =
    kind === 'Deployment'
      ? (await client.list(replicaSets, where)).items.filter(isOwned).map(ofReplicaSet)
      : (await client.list(controllerRevisions, where)).items
          .filter(isOwned)
          .map((each) => ofControllerRevision(each, owner));
  return found.filter(({ revision }) => revision > 0).toSorted((a, b) => a.revision - b.revision);
}

function ofReplicaSet({ metadata, spec }: ReplicaSet): Revision {
  const { annotations = {} } = metadata;
  return { revision: Number(annotations[revisionAnnotation] ?? 0), template: spec?.template ?? {}, annotations };
}

/** Its data is a patch that replaces the template. */
function ofControllerRevision({ metadata, revision, data }: ControllerRevision, owner: KubeObject): Revision {
  const { spec } = (data ?? {}) as { spec?: { template?: PodTemplateSpec & { $patch?: string } } };
  const { $patch: _, ...template } =
    spec?.template ?? ((owner as AnyObject)['spec'] as { template: PodTemplateSpec & { $patch?: string } }).template;
  return { revision: revision ?? 0, template, annotations: metadata.annotations ?? {} };
}

/** The table of `rollout history`. */
export function changesOf(revisions: readonly Revision[]): string {
  const rows = revisions.map(({ revision, annotations }) => [String(revision), annotations[changeCause] ?? '<none>']);
  const width = Math.max(...[['REVISION'], ...rows].map(([first = '']) => first.length)) + 2;
  return [['REVISION', 'CHANGE-CAUSE'], ...rows]
    .map(([first = '', second]) => `${first.padEnd(width)}${second}\n`)
    .join('');
}
