import type { KindVersion } from '../../kind.ts';
import type { AnyObject } from '../../object.ts';
import type { PodTemplateSpec } from '../../types/core-v1.ts';
import type { LabelSelector } from '../../types/meta-v1.ts';
import { deprecated } from '../deprecation.ts';
import { schemaType } from '../define-kind.ts';

/** What every workload kind has had since its first version, as far as the old versions' defaults look at it. */
interface Workload {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec?: { replicas?: number; selector?: LabelSelector; template?: PodTemplateSpec };
}

/** An old version of a kind of the apps group; `toStorage` and `fromStorage` are absent where the shape is today's. */
export function oldVersion(
  kind: string,
  groupVersion: 'extensions/v1beta1' | 'apps/v1beta1' | 'apps/v1beta2',
  conversion?: Pick<KindVersion, 'toStorage' | 'fromStorage'>,
): KindVersion {
  const [group = '', version = ''] = groupVersion.split('/');
  const since = groupVersion === 'apps/v1beta2' ? 9 : 8;
  return {
    group,
    version,
    type: schemaType(group, version, kind),
    ...conversion,
    deprecation: deprecated(groupVersion, kind, { since, removed: 16, use: `apps/v1 ${kind}` }),
  };
}

/** Before apps/v1beta2 a workload without a selector selected its template's labels, and wore them when it had none. */
export function selectorFromTemplate(object: AnyObject): void {
  const { metadata, spec } = object as unknown as Workload;
  const labels = spec?.template?.metadata?.labels;
  if (!spec || !labels) return;
  spec.selector ??= { matchLabels: { ...labels } };
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

/** Moves a field of the spec that today's version lacks into an annotation, where its controller still looks. */
export function fieldToAnnotation(object: AnyObject, value: string | undefined, key: string): void {
  const { metadata } = object;
  if (value !== undefined) {
    metadata.annotations = { ...metadata.annotations, [key]: value };
  }
}

/** The annotation's value, which is removed. */
export function takeAnnotation({ metadata }: AnyObject, key: string): string | undefined {
  const value = metadata.annotations?.[key];
  if (value === undefined) return undefined;
  const { [key]: _, ...others } = metadata.annotations!;
  if (Object.keys(others).length > 0) metadata.annotations = others;
  else delete metadata.annotations;
  return value;
}
