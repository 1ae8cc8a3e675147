import type { AnyObject } from '../api/object.ts';
import { admitBody } from './admit.ts';
import type { Core, ResourceRequest } from './core.ts';
import { isTrue } from './request-info.ts';

/** Kinds of the options that a connection is opened with, by resource and subresource. */
const optionsKinds: Readonly<Record<string, string | undefined>> = {
  'pods/exec': 'PodExecOptions',
  'pods/attach': 'PodAttachOptions',
  'pods/portforward': 'PodPortForwardOptions',
  'pods/proxy': 'PodProxyOptions',
  'services/proxy': 'ServiceProxyOptions',
  'nodes/proxy': 'NodeProxyOptions',
};

const flags = ['stdin', 'stdout', 'stderr', 'tty'];

/** What the query says, as the object that admission sees; undefined for what is no connection. */
export function connectOptions({ kind, subresource, rest, request }: ResourceRequest): AnyObject | undefined {
  const optionsKind = kind.group === '' ? optionsKinds[`${kind.plural}/${subresource}`] : undefined;
  if (optionsKind === undefined) return undefined;
  const { query } = request;
  const options: AnyObject = { apiVersion: 'v1', kind: optionsKind, metadata: {} };
  if (subresource === 'proxy') return { ...options, ...(rest && { path: rest }) };
  if (subresource === 'portforward') return { ...options, ports: query.getAll('ports').map(Number) };
  for (const flag of flags) if (isTrue(query.get(flag))) options[flag] = true;
  const container = query.get('container');
  if (container) options.container = container;
  if (query.has('command')) options.command = query.getAll('command');
  return options;
}

/** Asks admission about a connection. Rejects with what it says against it. */
export async function admitConnection(core: Core, request: ResourceRequest, options: AnyObject): Promise<void> {
  const objectKind = { group: '', version: 'v1', kind: options.kind ?? '' };
  await admitBody(core, request, { operation: 'CONNECT', object: options, old: undefined, dryRun: false, objectKind });
}
