import { labelMatcher } from '../../api/label-selector.ts';
import type { AnyObject } from '../../api/object.ts';
import type { ContainerStatus, Event, Pod } from '../../api/types/core-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { Client, ObjectName } from '../../client/client.ts';
import { objectPath } from '../../client/request-path.ts';
import { events, pods, secrets as secretResource } from '../../client/resources.ts';
import { describeTarget, type Unready } from './errors.ts';
import { readiness } from './readiness.ts';

/** How much is told: a person reads it. */
const maxObjects = 3;
const maxPods = 2;
const maxEvents = 3;
const maxLogLines = 5;

/**
 * Why objects are not ready, in lines for a person: each with its reason, the newest warnings about it and about those
 * of its pods that are not well, and the last lines these wrote. What cannot be found out is left out.
 */
export async function explainUnready(client: Client, unready: readonly Unready[]): Promise<string[]> {
  const told = await Promise.all(
    unready
      .slice(0, maxObjects)
      .map(async (each) => [
        `${describeTarget(each)}: ${each.reason}`,
        ...indent(await aboutObject(client, each).catch(() => [])),
      ]),
  );
  const more = unready.length > maxObjects ? [`and ${unready.length - maxObjects} more`] : [];
  return [...told.flat(), ...more];
}

async function aboutObject(client: Client, { resource, name }: Unready): Promise<string[]> {
  const object = (await client.get(resource, name)) as AnyObject;
  const own = await warningsAbout(client, name, resource.kind);
  if (resource.kind === 'Pod') return [...own, ...(await logsOf(client, object))];
  const { selector } = (object['spec'] ?? {}) as { selector?: LabelSelector };
  if (!selector || !name.namespace || !selectsPods.has(resource.kind)) return own;
  const { items } = await client.list(pods, {
    namespace: name.namespace,
    labelSelector: labelMatcher(selector).toString(),
  });
  const unwell = items.filter((pod) => readiness({ ...pod, kind: 'Pod' }).state !== 'ready');
  const told = await Promise.all(unwell.slice(0, maxPods).map((pod) => aboutPod(client, pod)));
  return [...own, ...told.flat()];
}

const selectsPods = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job']);

async function aboutPod(client: Client, pod: Pod): Promise<string[]> {
  const state = readiness({ ...pod, kind: 'Pod' });
  const name = { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '' };
  const lines = [...(await warningsAbout(client, name, 'Pod').catch(() => [])), ...(await logsOf(client, pod))];
  return [`pod ${name.name}: ${state.state === 'ready' ? 'ready' : state.reason}`, ...indent(lines)];
}

async function warningsAbout(client: Client, name: ObjectName, kind: string): Promise<string[]> {
  const { items } = await client.list<Event>(events, {
    ...(name.namespace !== undefined && { namespace: name.namespace }),
    fieldSelector: `involvedObject.name=${name.name},involvedObject.kind=${kind},type=Warning`,
  });
  const last = ({ lastTimestamp, eventTime, metadata }: Event): string =>
    lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
  return items
    .toSorted((a, b) => (last(a) < last(b) ? -1 : 1))
    .slice(-maxEvents)
    .map(({ reason, message, count }) => `${reason}: ${message}${count && count > 1 ? ` (${count} times)` : ''}`);
}

/** The last lines of containers that are not well; of one that is between two lives, those of the last one. */
async function logsOf(client: Client, pod: Pod): Promise<string[]> {
  const { status, metadata } = pod;
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  let secrets: Promise<string[]> | undefined;
  const told = await Promise.all(
    statuses.filter(isUnwell).map(async (container) => {
      secrets ??= secretValues(client, pod);
      const path = objectPath(pods, { name: metadata.name ?? '', namespace: metadata.namespace ?? '' }, 'log');
      const previous = container.state?.waiting ? '&previous=true' : '';
      const query = `?container=${encodeURIComponent(container.name)}&tailLines=${maxLogLines}${previous}`;
      const text = await client.raw('GET', path + query).catch(() => '');
      const log = masked(typeof text === 'string' ? text : JSON.stringify(text), await secrets);
      const lines = log.split('\n').filter((line) => line !== '');
      return lines.slice(-maxLogLines).map((line) => `${container.name} | ${line.slice(0, 300)}`);
    }),
  );
  return told.flat();
}

/** Shorter ones are words of anybody's. */
const shortestSecret = 5;

/** What is in the Secrets that the pod is given; of those that may not be read, nothing is known. */
async function secretValues(client: Client, { metadata, spec }: Pod): Promise<string[]> {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const names = [
    ...containers.flatMap(({ env = [] }) => env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)),
    ...containers.flatMap(({ envFrom = [] }) => envFrom.map(({ secretRef }) => secretRef?.name)),
    ...(spec?.volumes ?? []).flatMap(({ secret, projected }) => [
      secret?.secretName,
      ...(projected?.sources ?? []).map((source) => source.secret?.name),
    ]),
  ];
  const found = await Promise.all(
    [...new Set(names)].map(async (name) => {
      if (name === undefined) return [];
      const place = { name, namespace: metadata.namespace ?? '' };
      const secret = await client.get(secretResource, place).catch(() => undefined);
      return Object.values(secret?.data ?? {}).map((data) => Buffer.from(data, 'base64').toString().trim());
    }),
  );
  // The longest first: one may be a part of another.
  return found.flat().toSorted((a, b) => b.length - a.length);
}

/** Programs that end tell why, and some tell their password with it. */
function masked(text: string, secrets: readonly string[]): string {
  const whole = secrets.filter(({ length }) => length >= shortestSecret);
  return whole.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

function isUnwell({ ready, state, lastState }: ContainerStatus): boolean {
  if (state?.terminated) return state.terminated.exitCode !== 0;
  return !ready && (state?.running !== undefined || lastState?.terminated !== undefined);
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
