import type { Chart, ChartFile, ChartLock, ChartMetadata, Values } from '../chart/chart.ts';

/** `release.Status` of Helm. */
export type ReleaseStatus =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback';

/** One revision of a release, as it is stored. */
export interface Release {
  name: string;
  namespace: string;
  /** Revision, from 1. */
  version: number;
  info: ReleaseInfo;
  chart: StoredChart;
  /** The user's values. */
  config: Values;
  /** The objects, as YAML documents with the templates they come from. */
  manifest: string;
  hooks: Hook[];
  /** The user's own (`--labels`); they stand on the stored object. */
  labels: Record<string, string>;
  /** Helm 4's: how the objects were applied. */
  applyMethod?: string;
  /** While an operation is pending: the process that does it (`operation-owner.ts`). */
  owner?: string;
}

export interface ReleaseInfo {
  /** RFC 3339; '' is never. */
  firstDeployed: string;
  lastDeployed: string;
  deleted: string;
  description: string;
  status: ReleaseStatus;
  notes: string;
  /** Of a rollback: the revision that it went back to. Helm 4.1 and we leave it out, newer Helms write it. */
  rollbackRevision?: number;
}

/** What is kept of a chart: everything but its subcharts. */
export interface StoredChart {
  metadata: ChartMetadata;
  lock?: ChartLock | null;
  templates: ChartFile[];
  /** Null where it has no `values.yaml`. */
  values: Values | null;
  schema?: Uint8Array;
  files: ChartFile[];
  modified?: number;
  schemaModified?: number;
}

export const hookEvents = [
  'pre-install',
  'post-install',
  'pre-delete',
  'post-delete',
  'pre-upgrade',
  'post-upgrade',
  'pre-rollback',
  'post-rollback',
  'test',
] as const;
export type HookEvent = (typeof hookEvents)[number];

export type HookPhase = 'Unknown' | 'Running' | 'Succeeded' | 'Failed';

/** An object that is run at a point in a release's life. */
export interface Hook {
  name: string;
  kind: string;
  /** Its template: `web/templates/migrate.yaml`. */
  path: string;
  manifest: string;
  events: HookEvent[];
  weight: number;
  deletePolicies: string[];
  outputLogPolicies: string[];
  lastRun: { startedAt: string; completedAt: string; phase: HookPhase };
}

export function storedChart(chart: Chart): StoredChart {
  const { metadata, lock, templates, values, schema, files, modified, schemaModified } = chart;
  const hasValues = Object.keys(values).length > 0 || chart.raw.some(({ name }) => name === 'values.yaml');
  return {
    ...{ metadata, lock: lock ?? null, templates, values: hasValues ? values : null, ...(schema && { schema }), files },
    ...(modified !== undefined && { modified }),
    ...(schemaModified !== undefined && { schemaModified }),
  };
}

/** Nothing at all is null, since nothing is stored of it: so says Helm in every format. */
export function suppliedValues({ config }: Pick<Release, 'config'>): Values | null {
  return Object.keys(config).length === 0 ? null : config;
}

export function isPending({ info }: Release): boolean {
  return info.status.startsWith('pending-');
}

/** An operation on a release that cannot be done; the message is for a person. */
export class ReleaseError extends Error {
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ReleaseError';
    this.hint = options.hint;
  }
}

/** Where no release of a name is. Helm's words: scripts tell by them that there is nothing to do. */
export class ReleaseNotFound extends ReleaseError {
  constructor(name: string) {
    super('release: not found', { hint: `There is none named ${JSON.stringify(name)} in this namespace.` });
    this.name = 'ReleaseNotFound';
  }
}
