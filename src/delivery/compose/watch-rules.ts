import { posix } from 'node:path';
import { compileGlob } from '../charts/functions/glob.ts';
import type { Project, Trigger } from './model.ts';

/** What a change of a file is to bring about in a service. */
export type WatchAction =
  | { kind: 'rebuild' }
  | { kind: 'restart' }
  /** Copies the file to `target`, or removes it there. */
  | { kind: 'sync'; target: string; after?: 'restart' | { exec: string[] } };

export interface WatchRule {
  service: string;
  /** Absolute. */
  path: string;
  action: Trigger['action'];
  trigger: Trigger;
}

/** The rules of `develop.watch`, of all services or of some. */
export function watchRules(project: Project, services: readonly string[] = []): WatchRule[] {
  return Object.entries(project.services).flatMap(([service, { develop }]) =>
    services.length > 0 && !services.includes(service)
      ? []
      : (develop?.watch ?? []).map((trigger) => ({ service, path: trigger.path, action: trigger.action, trigger })),
  );
}

/** Never of interest (as docker compose has it), whatever a rule ignores besides. */
const alwaysIgnored = ['.git', '**/.git/**', '**/.DS_Store', '**/*.swp', '**/*~', '**/4913'];

/** What a rule makes of a changed file; undefined where it does not concern it. */
export function actionFor(rule: WatchRule, file: string): WatchAction | undefined {
  const { path, trigger } = rule;
  const inside = file === path ? '' : file.startsWith(`${path}/`) ? file.slice(path.length + 1) : undefined;
  if (inside === undefined || isIgnored(trigger, inside)) return undefined;
  const target =
    trigger.target === undefined ? path : inside === '' ? trigger.target : posix.join(trigger.target, inside);
  switch (trigger.action) {
    case 'rebuild':
      return { kind: 'rebuild' };
    case 'restart':
      return { kind: 'restart' };
    case 'sync':
      return { kind: 'sync', target };
    case 'sync+restart':
      return { kind: 'sync', target, after: 'restart' };
    case 'sync+exec':
      return { kind: 'sync', target, after: { exec: execOf(trigger) } };
  }
}

/** Rules whose files are brought to containers that run already, when a watch begins. */
export function initialRules(rules: readonly WatchRule[]): WatchRule[] {
  return rules.filter(({ trigger }) => trigger.initial_sync === true && trigger.action.startsWith('sync'));
}

function isIgnored({ ignore = [], include = [] }: Trigger, inside: string): boolean {
  if (inside === '') return false;
  if (include.length > 0 && !include.some((pattern) => matches(inside, pattern))) return true;
  return [...alwaysIgnored, ...ignore].some((pattern) => matches(inside, pattern));
}

/** A pattern of `.dockerignore`: what is in a directory that matches, matches. */
function matches(file: string, given: string): boolean {
  const pattern = given.replace(/^\.?\//, '').replace(/\/+$/, '');
  const anywhere = pattern.replace(/^\*\*\//, '');
  return [pattern, `${pattern}/**`, anywhere, `${anywhere}/**`].some((glob) => compileGlob(glob)(file));
}

function execOf({ exec }: Trigger): string[] {
  const { command = [], environment = {}, working_dir: directory } = exec ?? {};
  const set = Object.entries(environment).flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}`]));
  const words = set.length > 0 ? ['env', ...set, ...command] : command;
  return directory === undefined ? words : ['/bin/sh', '-c', 'cd "$0" && exec "$@"', directory, ...words];
}
