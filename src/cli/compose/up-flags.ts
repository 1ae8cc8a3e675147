import type { Project } from '../../delivery/compose/model.ts';
import { selectServices } from '../../delivery/compose/select.ts';
import type { UpOptions } from '../../delivery/compose/run/up.ts';
import { CliError } from '../errors.ts';
import type { UpFlags } from './up.ts';

/** Refuses flags of `up` and `create` that exclude each other, with docker compose's words. */
export function checkUpFlags(flags: UpFlags): void {
  const { abortOnContainerExit, abortOnContainerFailure, attach = [], attachDependencies, watch } = flags;
  const isKept = flags.recreate === false;
  if (abortOnContainerExit && abortOnContainerFailure)
    throw new CliError('--abort-on-container-failure cannot be combined with --abort-on-container-exit');
  const isAttached =
    abortOnContainerExit || abortOnContainerFailure || flags.exitCodeFrom || attachDependencies || attach.length > 0;
  if ((flags.wait || flags.detach) && (isAttached || watch)) {
    throw new CliError(
      `${flags.wait ? '--wait' : '--detach'} cannot be combined with --abort-on-container-exit, ` +
        '--abort-on-container-failure, --attach, --attach-dependencies or --watch',
    );
  }
  if (flags.forceRecreate && isKept) throw new CliError('--force-recreate and --no-recreate are incompatible');
  if (flags.renewAnonVolumes && isKept) throw new CliError('--no-recreate and --renew-anon-volumes are incompatible');
  if (flags.alwaysRecreateDeps && isKept)
    throw new CliError('--always-recreate-deps and --no-recreate are incompatible');
  if (flags.build === false && watch) throw new CliError('--no-build and --watch are incompatible');
}

/**
 * `--remove-orphans`, `COMPOSE_REMOVE_ORPHANS` (of `up`: `run` and `create` look at the flag alone) and
 * `COMPOSE_IGNORE_ORPHANS`, which env files may give too.
 */
export function orphanHandling(
  flags: Pick<UpFlags, 'removeOrphans'>,
  { environment }: Pick<Project, 'environment'>,
): Pick<UpOptions, 'removeOrphans' | 'ignoreOrphans'> {
  const isOn = (name: string): boolean => /^\s*(?:1|t|true|y)\s*$/i.test(environment[name] ?? '');
  const removeOrphans = flags.removeOrphans ?? isOn('COMPOSE_REMOVE_ORPHANS');
  const ignoreOrphans = isOn('COMPOSE_IGNORE_ORPHANS');
  if (removeOrphans && ignoreOrphans) throw new CliError('cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans');
  return { removeOrphans, ignoreOrphans };
}

/** Whose logs `up` shows: those that were named (not what they depend on), unless file or flags say else. */
export function attachedServices(project: Project, named: readonly string[], flags: UpFlags): string[] {
  const { attach = [], noAttach = [], attachDependencies } = flags;
  const unknown = attach.filter((name) => !(name in project.services));
  if (unknown.length > 0) throw new CliError(`cannot attach to services not included in up: ${unknown.join(', ')}`);
  const launched = Object.keys(selectServices(project, named, { alone: !attachDependencies }).services);
  const shown = attach.length > 0 ? attach : launched.filter((name) => project.services[name]?.attach !== false);
  return shown.filter((name) => !noAttach.includes(name));
}
