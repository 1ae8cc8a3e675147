import type { ChartFile, ChartMetadata } from '../chart/chart.ts';
import { timeStruct } from '../functions/dates.ts';
import { parseTime, zeroTime } from '../functions/go-time.ts';
import { utc } from '../functions/time-zones.ts';
import { fieldsOf } from '../render/capabilities.ts';
import { parseTemplates } from '../template/engine.ts';
import { settle } from '../template/pause.ts';
import { describe, GoStruct, strings } from '../template/values.ts';
import type { Hook, Release } from './release.ts';

/**
 * Fills a template in with a release as `.Release`, with the names of Helm's `release.Release` (Helm documentation, "helm get
 * all"). Only Go's own functions are there, as with Helm.
 * @throws TemplateError
 */
export async function renderRelease(text: string, release: Release): Promise<string> {
  const name = '_';
  const templates = parseTemplates([{ name, text }], {});
  return settle(() => templates.execute(name, fieldsOf({ Release: releaseStruct(release) })));
}

function releaseStruct({ name, namespace, version, info, chart, config, manifest, hooks, labels }: Release): GoStruct {
  return struct('*release.Release', {
    Name: name,
    Info: struct('*release.Info', {
      FirstDeployed: timeOf(info.firstDeployed),
      LastDeployed: timeOf(info.lastDeployed),
      Deleted: timeOf(info.deleted),
      Description: info.description,
      Status: info.status,
      Notes: info.notes,
    }),
    Chart: struct('*chart.Chart', {
      Metadata: metadataStruct(chart.metadata),
      Templates: filesOf(chart.templates),
      Values: chart.values,
      Schema: chart.schema ?? new Uint8Array(),
      Files: filesOf(chart.files),
    }),
    Config: config,
    Manifest: manifest,
    Hooks: describe(hooks.map(hookStruct), { type: '[]*release.Hook', element: '*release.Hook' }),
    Version: BigInt(version),
    Namespace: namespace,
    Labels: describe(fieldsOf(labels), { type: 'map[string]string', element: 'string' }),
  });
}

function hookStruct(hook: Hook): GoStruct {
  return struct('*release.Hook', {
    Name: hook.name,
    Kind: hook.kind,
    Path: hook.path,
    Manifest: hook.manifest,
    Events: strings([...hook.events]),
    LastRun: struct('release.HookExecution', {
      StartedAt: timeOf(hook.lastRun.startedAt),
      CompletedAt: timeOf(hook.lastRun.completedAt),
      Phase: hook.lastRun.phase,
    }),
    Weight: BigInt(hook.weight),
    DeletePolicies: strings(hook.deletePolicies),
    OutputLogPolicies: strings(hook.outputLogPolicies),
  });
}

function filesOf(files: readonly ChartFile[]): GoStruct[] {
  const list = files.map(({ name, data }) => struct('*common.File', { Name: name, Data: data }));
  return describe(list, { type: '[]*common.File', element: '*common.File' });
}

function struct(type: string, fields: Record<string, unknown>): GoStruct {
  return new GoStruct({ type, fields: fieldsOf(fields) });
}

/** The zero of Go's times for what never was. */
function timeOf(text: string): GoStruct {
  return timeStruct(text === '' ? zeroTime : parseTime('2006-01-02T15:04:05Z07:00', text, utc));
}

const metadataNames: Readonly<Record<string, string>> = {
  Name: 'name',
  Home: 'home',
  Sources: 'sources',
  Version: 'version',
  Description: 'description',
  Keywords: 'keywords',
  Maintainers: 'maintainers',
  Icon: 'icon',
  APIVersion: 'apiVersion',
  Condition: 'condition',
  Tags: 'tags',
  AppVersion: 'appVersion',
  Deprecated: 'deprecated',
  Annotations: 'annotations',
  KubeVersion: 'kubeVersion',
  Dependencies: 'dependencies',
  Type: 'type',
};

function metadataStruct(metadata: ChartMetadata): GoStruct {
  const fields = fieldsOf({});
  for (const [name, key] of Object.entries(metadataNames)) {
    fields[name] = metadataField(name, metadata[key as keyof ChartMetadata]);
  }
  return new GoStruct({ type: '*chart.Metadata', fields, json: () => metadata });
}

function metadataField(name: string, value: unknown): unknown {
  switch (name) {
    case 'Sources':
    case 'Keywords':
      return value === undefined ? describe([], { ...noStrings, isNil: true }) : strings(value as string[]);
    case 'Deprecated':
      return value ?? false;
    case 'Annotations':
      return describe(fieldsOf((value as Record<string, string> | undefined) ?? {}), {
        ...{ type: 'map[string]string', element: 'string' },
        isNil: value === undefined,
      });
    case 'Maintainers':
      return structs(value, '*chart.Maintainer', { Name: 'name', Email: 'email', URL: 'url' });
    case 'Dependencies':
      return structs(value, '*chart.Dependency', {
        ...{ Name: 'name', Version: 'version', Repository: 'repository', Condition: 'condition' },
        ...{ Tags: 'tags', Enabled: 'enabled', ImportValues: 'import-values', Alias: 'alias' },
      });
    default:
      return value ?? '';
  }
}

function structs(value: unknown, type: string, names: Readonly<Record<string, string>>): unknown[] {
  const list = ((value as Record<string, unknown>[] | undefined) ?? []).map((item) => {
    const fields = fieldsOf({});
    for (const [name, key] of Object.entries(names)) fields[name] = item[key] ?? zeros[name] ?? '';
    return new GoStruct({ type, fields, json: () => item });
  });
  return describe(list, { type: `[]${type}`, element: type, isNil: value === undefined });
}

/** What Chart.yaml does not name is nil, which is `null` in YAML and JSON. */
const noStrings = { type: '[]string', element: 'string' };

const zeros: Readonly<Record<string, unknown>> = { Tags: [], Enabled: false, ImportValues: [] };
