import type { Project } from '../model.ts';
import type { Path } from '../tree.ts';
import type { Effect } from './keys/effect.ts';
import { keyTable } from './keys/key-table.ts';
import type { Problems } from './problems.ts';

/** Keys whose values decide, by code beside the fields they become: that reports them itself. */
const decided = new Set([
  'services.*.dns',
  'services.*.gpus',
  'services.*.deploy.resources.reservations.devices',
  'services.*.memswap_limit',
  'services.*.platform',
  'services.*.runtime',
  'services.*.volumes[].bind.selinux',
  'services.*.volumes[].image',
  ...['post_start', 'pre_stop'].flatMap((hook) => [`services.*.${hook}[].user`, `services.*.${hook}[].privileged`]),
  'services.*.deploy.update_config.max_failure_ratio',
  'secrets.*.driver',
]);

/** Refuses and warns of every key of a project by the table alone. */
export function refuseUnsupported(project: Project, problems: Problems): void {
  const { services, networks, volumes, secrets, configs, models } = project;
  for (const [section, value] of Object.entries({ services, networks, volumes, secrets, configs, models })) {
    visit(value, { pattern: section, path: [section], problems });
  }
}

interface Visit {
  pattern: string;
  path: Path;
  problems: Problems;
}

function visit(value: unknown, { pattern, path, problems }: Visit): void {
  if (isNothing(value)) return;
  const effect = keyTable[pattern];
  if (effect && !decided.has(pattern) && report(effect, value, { path, problems })) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => visit(item, { pattern: `${pattern}[]`, path: [...path, index], problems }));
  } else if (typeof value === 'object') {
    for (const [key, inner] of Object.entries(value as object)) {
      visit(inner, { pattern: patternOf(pattern, key), path: [...path, key], problems });
    }
  }
}

/** Whether the key is done with, and what is in it as well. */
function report(effect: Effect, value: unknown, { path, problems }: Pick<Visit, 'path' | 'problems'>): boolean {
  if (effect.kind !== 'refused' && effect.kind !== 'warned') return false;
  if (effect.unless?.includes(value)) return true;
  if (effect.kind === 'refused') problems.refuse(path, effect.why);
  else problems.warn(path, effect.why);
  return true;
}

function patternOf(pattern: string, key: string): string {
  const named = `${pattern}.${key}`;
  return named in keyTable || !hasAnyName(pattern) ? named : `${pattern}.*`;
}

const openPatterns = new Set(
  Object.keys(keyTable).flatMap((key) => [...key.matchAll(/\.\*/g)].map((found) => key.slice(0, found.index))),
);

function hasAnyName(pattern: string): boolean {
  return openPatterns.has(pattern);
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
