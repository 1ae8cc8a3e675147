import { formatTime } from '../base/clock.ts';
import { required } from '../api/field-errors.ts';
import type { AnyObject } from '../api/object.ts';
import { cloneJson } from '../api/plain-json.ts';
import { ApiError, conflict, invalid } from '../api/status.ts';
import type { Binding, Pod, PodCondition } from '../api/types/core-v1.ts';
import { admitBody } from './admit.ts';
import { isDryRun, success } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { decodeAs, fieldValidationOf, readBody } from './read-body.ts';
import { updateObject } from './update-object.ts';

const bindingType = 'io.k8s.api.core.v1.Binding';

/** POST of a binding, to `pods/<name>/binding` or to `bindings`: gives the pod its node, once. */
export async function bind(core: Core, request: ResourceRequest): Promise<Outcome> {
  const binding = await readBinding(request);
  const name = binding.metadata.name ?? '';
  const dryRun = isDryRun(request.request.query.getAll('dryRun'));
  const objectKind = { group: '', version: 'v1', kind: 'Binding' };
  const named = { ...request, name, subresource: 'binding' };
  await admitBody(core, named, { operation: 'CREATE', object: binding, old: undefined, dryRun, objectKind });
  await updateObject(core, named, {
    dryRun,
    isAdmitted: true,
    managed: 'none',
    change: (old) => assigned(old, binding, core.clock.now()),
  });
  return { kind: 'status', status: 201, object: success() };
}

async function readBinding(request: ResourceRequest): Promise<Binding & AnyObject> {
  const mode = fieldValidationOf(request.request);
  const { value, duplicates } = (await readBody(request.request)).parse(mode);
  const binding = decodeAs(value, { type: bindingType, mode, duplicates, warn: request.warn }) as Binding & AnyObject;
  binding.metadata ??= {};
  const { metadata, target } = binding;
  if (!metadata.name) metadata.name = request.name;
  if (request.name !== '' && metadata.name !== request.name) {
    throw ApiError.of('BadRequest', 'name in URL does not match name in Binding object');
  }
  if (metadata.namespace && metadata.namespace !== request.namespace) {
    const text = 'the namespace of the provided object does not match the namespace sent on the request';
    throw ApiError.of('BadRequest', text);
  }
  const causes = [];
  if (target?.kind && target.kind !== 'Node' && target.kind !== 'Minion') {
    const message = `Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node", "<empty>"`;
    causes.push({ reason: 'FieldValueNotSupported', message, field: 'target.kind' });
  }
  if (!target?.name) causes.push(required('target.name', ''));
  if (causes.length > 0) throw invalid('', 'Binding', metadata.name, causes);
  return binding;
}

function assigned(old: AnyObject, { metadata, target }: Binding, now: number): AnyObject {
  const pod = cloneJson(old) as unknown as Pod & AnyObject;
  const name = pod.metadata.name ?? '';
  const refuse = (reason: string): ApiError => conflict('', 'pods/binding', name, reason);
  pod.metadata.resourceVersion = metadata.resourceVersion || (old.metadata.resourceVersion as string);
  if (metadata.uid) pod.metadata.uid = metadata.uid;
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  const { spec } = pod;
  if (spec?.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
  if (spec?.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  pod.spec = { ...spec, containers: spec?.containers ?? [], nodeName: target.name ?? '' };
  if (metadata.annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...metadata.annotations };
  if (metadata.labels) pod.metadata.labels = { ...pod.metadata.labels, ...metadata.labels };
  setScheduled(pod, now);
  return pod;
}

function setScheduled(pod: Pod, now: number): void {
  const conditions = pod.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === 'PodScheduled');
  const lastTransitionTime = before?.status === 'True' ? before.lastTransitionTime : formatTime(now);
  const scheduled: PodCondition = {
    type: 'PodScheduled',
    status: 'True',
    lastTransitionTime: lastTransitionTime ?? formatTime(now),
  };
  pod.status = { ...pod.status, conditions: [...conditions.filter((condition) => condition !== before), scheduled] };
}
