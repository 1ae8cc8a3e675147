import { gunzipSync, gzipSync } from 'node:zlib';
import type { ChartFile, Values } from '../chart/chart.ts';
import { encodeJson } from '../functions/json.ts';
import {
  type Hook,
  type HookPhase,
  type Release,
  ReleaseError,
  type ReleaseStatus,
  type StoredChart,
} from './release.ts';

/**
 * A release as Helm 3 and 4 store it: JSON with Helm's names, gzipped, in base64. Old ones are not gzipped. The names
 * are those of Helm's `release.Release` and `chart.Chart`.
 */

/** A stored release unpacks to no more than this: an object of the API holds a few MiB of it. */
const maxBytes = 256 * 2 ** 20;

/** Go's zero time, where a time was never set. */
const zeroTime = '0001-01-01T00:00:00Z';

export function encodeRelease(release: Release): string {
  return gzipSync(JSON.stringify(storedForm(release)), { level: 9 }).toString('base64');
}

/** @throws ReleaseError when it is none */
export function decodeRelease(text: string): Release {
  let bytes = Buffer.from(text, 'base64');
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8)
      bytes = gunzipSync(bytes, { maxOutputLength: maxBytes });
    return fromStored(JSON.parse(bytes.toString()) as StoredRelease);
  } catch (error) {
    // What was read is not quoted: it may hold secrets.
    throw new ReleaseError('a stored release cannot be read: it is no gzipped JSON', { cause: error });
  }
}

export interface StoredRelease {
  name?: string;
  info?: {
    first_deployed?: string;
    last_deployed?: string;
    deleted?: string;
    description?: string;
    status?: string;
    notes?: string;
    rollback_revision?: number;
  };
  chart?: StoredChartJson | null;
  config?: Values | null;
  manifest?: string;
  hooks?: StoredHook[] | null;
  version?: number;
  namespace?: string;
  apply_method?: string;
}

interface StoredChartJson {
  metadata: StoredChart['metadata'] | null;
  lock: StoredChart['lock'] | null;
  templates: StoredFile[] | null;
  values: Values | null;
  schema: string | null;
  files: StoredFile[] | null;
  /** Times are Helm 4's. */
  schemamodtime?: string;
  modtime?: string;
}

interface StoredFile {
  name: string;
  /** Base64. */
  data: string | null;
  modtime?: string;
}

interface StoredHook {
  name?: string;
  kind?: string;
  path?: string;
  manifest?: string;
  events?: string[] | null;
  last_run?: { started_at?: string; completed_at?: string; phase?: string };
  weight?: number;
  delete_policies?: string[] | null;
  output_log_policies?: string[] | null;
}

/** Helm's names, in the order of its structs; what Go leaves out when it is empty is left out. */
export function storedForm(release: Release): StoredRelease {
  const { info, chart } = release;
  return {
    name: release.name,
    info: {
      ...(info.firstDeployed !== '' && { first_deployed: info.firstDeployed }),
      ...(info.lastDeployed !== '' && { last_deployed: info.lastDeployed }),
      ...(info.deleted !== '' && { deleted: info.deleted }),
      ...(info.description !== '' && { description: info.description }),
      status: info.status,
      ...(info.notes !== '' && { notes: info.notes }),
      ...(info.rollbackRevision && { rollback_revision: info.rollbackRevision }),
    },
    chart: {
      metadata: chart.metadata,
      lock: chart.lock ?? null,
      templates: toFiles(chart.templates),
      values: chart.values && plainValues(chart.values),
      schema: chart.schema ? Buffer.from(chart.schema).toString('base64') : null,
      schemamodtime: chart.schemaModified === undefined ? zeroTime : timeOf(chart.schemaModified),
      files: toFiles(chart.files),
      ...(chart.modified !== undefined && { modtime: timeOf(chart.modified) }),
    },
    ...(Object.keys(release.config).length > 0 && { config: plainValues(release.config) }),
    ...(release.manifest !== '' && { manifest: release.manifest }),
    ...(release.hooks.length > 0 && { hooks: release.hooks.map(toHook) }),
    version: release.version,
    namespace: release.namespace,
    ...(release.applyMethod !== undefined && { apply_method: release.applyMethod }),
  };
}

/** Values as JSON has them: what `--set` made of whole numbers is a type of its own. */
export function plainValues(values: Values): Values {
  return JSON.parse(encodeJson(values, { escapesHtml: false })) as Values;
}

function toFiles(files: readonly ChartFile[]): StoredFile[] | null {
  return files.length === 0 ? null : files.map(toFile);
}

function toFile({ name, data, modified }: ChartFile): StoredFile {
  const modtime = modified === undefined ? {} : { modtime: timeOf(modified) };
  return { name, data: Buffer.from(data).toString('base64'), ...modtime };
}

function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Epoch milliseconds; undefined where none was set. */
function epochOf(text: string | undefined): number | undefined {
  const epochMs = time(text) === '' ? NaN : Date.parse(text ?? '');
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

function toHook(hook: Hook): StoredHook {
  const { startedAt, completedAt, phase } = hook.lastRun;
  return {
    name: hook.name,
    kind: hook.kind,
    path: hook.path,
    manifest: hook.manifest,
    events: hook.events,
    last_run: {
      ...(startedAt !== '' && { started_at: startedAt }),
      ...(completedAt !== '' && { completed_at: completedAt }),
      phase: phase === 'Unknown' && startedAt === '' ? '' : phase,
    },
    ...(hook.weight !== 0 && { weight: hook.weight }),
    ...(hook.deletePolicies.length > 0 && { delete_policies: hook.deletePolicies }),
    ...(hook.outputLogPolicies.length > 0 && { output_log_policies: hook.outputLogPolicies }),
  };
}

function fromStored(stored: StoredRelease): Release {
  const { info = {}, chart } = stored;
  return {
    name: stored.name ?? '',
    namespace: stored.namespace ?? '',
    version: stored.version ?? 0,
    info: {
      firstDeployed: time(info.first_deployed),
      lastDeployed: time(info.last_deployed),
      deleted: time(info.deleted),
      description: info.description ?? '',
      status: (info.status ?? 'unknown') as ReleaseStatus,
      notes: info.notes ?? '',
      ...(info.rollback_revision && { rollbackRevision: info.rollback_revision }),
    },
    chart: {
      metadata: chart?.metadata ?? { name: '', version: '', apiVersion: 'v1' },
      lock: chart?.lock ?? null,
      templates: (chart?.templates ?? []).map(fromFile),
      values: chart?.values ?? null,
      ...(chart?.schema && { schema: Buffer.from(chart.schema, 'base64') }),
      files: (chart?.files ?? []).map(fromFile),
      ...modifiedOf(chart),
    },
    config: stored.config ?? {},
    manifest: stored.manifest ?? '',
    hooks: (stored.hooks ?? []).map(fromHook),
    labels: {},
    ...(stored.apply_method !== undefined && { applyMethod: stored.apply_method }),
  };
}

function time(text: string | undefined): string {
  return text === undefined || text === zeroTime ? '' : text;
}

function modifiedOf(chart: StoredChartJson | null | undefined): Pick<StoredChart, 'modified' | 'schemaModified'> {
  const modified = epochOf(chart?.modtime);
  const schemaModified = epochOf(chart?.schemamodtime);
  return { ...(modified !== undefined && { modified }), ...(schemaModified !== undefined && { schemaModified }) };
}

function fromFile({ name, data, modtime }: StoredFile): ChartFile {
  const modified = epochOf(modtime);
  return { name, data: Buffer.from(data ?? '', 'base64'), ...(modified !== undefined && { modified }) };
}

function fromHook(hook: StoredHook): Hook {
  const { started_at: startedAt, completed_at: completedAt, phase } = hook.last_run ?? {};
  return {
    name: hook.name ?? '',
    kind: hook.kind ?? '',
    path: hook.path ?? '',
    manifest: hook.manifest ?? '',
    events: (hook.events ?? []) as Hook['events'],
    weight: hook.weight ?? 0,
    deletePolicies: hook.delete_policies ?? [],
    outputLogPolicies: hook.output_log_policies ?? [],
    lastRun: { startedAt: time(startedAt), completedAt: time(completedAt), phase: (phase || 'Unknown') as HookPhase },
  };
}
