import { invalidValue } from '../api/field-errors.ts';
import type { AnyObject } from '../api/object.ts';
import { cloneJson, isJsonObject, setKey } from '../api/plain-json.ts';
import { invalid } from '../api/status.ts';
import type { Scale } from '../api/types/autoscaling-v1.ts';
import { admitBody } from './admit.ts';
import { isDryRun } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { readPatch } from './patch.ts';
import { decodeAs, fieldValidationOf, readBody } from './read-body.ts';
import { get } from './read.ts';
import { decodedOf } from './stored-object.ts';
import { updateObject } from './update-object.ts';

const scaleType = 'io.k8s.api.autoscaling.v1.Scale';

/** The `scale` subresource: an object's number of replicas in the shape that every scalable kind shares. */
export async function scale(core: Core, request: ResourceRequest): Promise<Outcome> {
  const outcome = request.verb === 'get' ? await get(core, request) : await write(core, request);
  if (outcome.kind !== 'entry' && outcome.kind !== 'object') return outcome;
  const object = outcome.kind === 'entry' ? decodedOf(outcome.entry) : outcome.object;
  const scaled = scaleOf(object, request);
  return { kind: 'other', status: outcome.status, object: scaled, type: scaleType };
}

async function write(core: Core, request: ResourceRequest): Promise<Outcome> {
  const change = request.verb === 'patch' ? await patched(request) : await replaced(request);
  const dryRun = isDryRun(request.request.query.getAll('dryRun'));
  const objectKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  return updateObject(core, request, {
    dryRun,
    isAdmitted: true,
    async change(current) {
      const old = scaleOf(current, request);
      const scaled = change(old);
      await admitBody(core, request, { operation: 'UPDATE', object: scaled, old, dryRun, objectKind });
      const replicas = scaled.spec?.replicas ?? 0;
      if (replicas < 0) {
        const cause = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
        throw invalid('autoscaling', 'Scale', request.name, [cause]);
      }
      const object = cloneJson(current);
      object.metadata.resourceVersion = scaled.metadata.resourceVersion ?? '';
      if (scaled.metadata.uid) object.metadata.uid = scaled.metadata.uid;
      writePath(object, request.kind.scale?.specReplicas ?? '', replicas);
      return object;
    },
  });
}

type ChangeScale = (scale: ScaleObject) => ScaleObject;
type ScaleObject = Scale & AnyObject;

async function replaced(request: ResourceRequest): Promise<ChangeScale> {
  const mode = fieldValidationOf(request.request);
  const { value, duplicates } = (await readBody(request.request)).parse(mode);
  const scale = decodeAs(value, { type: scaleType, mode, duplicates, warn: request.warn });
  return () => ({ ...scale, metadata: scale.metadata ?? {} });
}

async function patched(request: ResourceRequest): Promise<ChangeScale> {
  const decode = await readPatch(request);
  return (scale) => decode(scale, { type: scaleType });
}

function scaleOf(object: AnyObject, { kind }: ResourceRequest): ScaleObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = kind.scale?.labelSelector(object);
  const replicas = Number(read(object, kind.scale?.specReplicas ?? '') ?? 0);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: name ?? '',
      ...(namespace !== undefined && { namespace }),
      uid: uid ?? '',
      resourceVersion: resourceVersion ?? '',
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: Number(read(object, kind.scale?.statusReplicas ?? '') ?? 0),
      ...(selector && { selector }),
    },
  };
}

/** The value at a path such as `.spec.replicas`. */
function read(object: AnyObject, path: string): unknown {
  let value: unknown = object;
  for (const key of path.split('.').slice(1)) value = isJsonObject(value) ? value[key] : undefined;
  return value;
}

function writePath(object: AnyObject, path: string, value: unknown): void {
  const keys = path.split('.').slice(1);
  let parent: Record<string, unknown> = object;
  for (const key of keys.slice(0, -1)) {
    const inner = parent[key];
    if (!isJsonObject(inner)) setKey(parent, key, {});
    parent = parent[key] as Record<string, unknown>;
  }
  setKey(parent, keys.at(-1) ?? '', value);
}
