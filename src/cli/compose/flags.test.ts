import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { dockerComposeFlags, dockerOnlyCommands } from '../../../test/support/docker-compose-flags.ts';
import { createProgram } from '../program.ts';
import { type UpFlags } from './up.ts';
import { attachedServices, checkUpFlags, orphanHandling } from './up-flags.ts';
import type { Project } from '../../delivery/compose/model.ts';

/** `timonel compose`, or one of its commands, without what it does. */
function command(name: string): Command {
  const compose = createProgram('0').commands.find((each) => each.name() === 'compose') as Command;
  if (name === '') return compose;
  const found = compose.commands.find((each) => each.name() === name);
  if (!found) throw new Error(`there is no command ${name}`);
  return found;
}

function parsed(name: string, ...words: string[]): { operands: string[]; unknown: string[]; flags: object } {
  const found = command(name);
  const { operands, unknown } = found.parseOptions(words);
  return { operands, unknown, flags: found.opts() };
}

describe('the flags of docker compose', () => {
  it.each(Object.entries(dockerComposeFlags))('%s has them all, and they do something or say why not', (name, text) => {
    const { options } = command(name);
    for (const flag of text.split(' ').filter(Boolean)) {
      const words = flag.split('/');
      const found = options.find(({ short, long }) => words.every((word) => word === short || word === long));
      expect(found, `${name} ${flag}`).toBeDefined();
    }
  });

  it.each([
    ['build', '--check', 'compose build --check is not there: the builder has no checks of Dockerfiles'],
    ['config', '--lock-image-digests', 'compose config --lock-image-digests is not there: nodes resolve tags'],
    ['', '--dry-run', 'compose --dry-run is not there: use `timonel compose config`'],
  ])('are refused with a reason: %s %s', (name, flag, message) => {
    expect(() => parsed(name, flag)).toThrow(message);
  });

  it.each(dockerOnlyCommands)('stand beside commands that are refused: %s', async (name) => {
    const words = ['compose', name, '--any', 'thing'];
    await expect(createProgram('0').parseAsync(words, { from: 'user' })).rejects.toThrow(
      `compose ${name} is not there: `,
    );
  });

  it('take true and false as values where they have none', () => {
    expect(parsed('up', '--menu=false', '--detach=true', '--quiet-pull=False', 'web')).toMatchObject({
      operands: ['web'],
      unknown: [],
      flags: { detach: true, deps: true },
    });
    expect(parsed('ps', '--orphans=false').flags).toMatchObject({ orphans: false });
    expect(parsed('up', '--pull=always').flags).toMatchObject({ pull: 'always' });
    expect(parsed('exec', '-e', 'A=b', '--detach=false', 'web', 'ls', '--detach=true')).toMatchObject({
      operands: ['web', 'ls', '--detach=true'],
      flags: { env: ['A=b'] },
    });
  });
});

const flags = (more: Partial<UpFlags>): UpFlags => ({
  recreate: true,
  deps: true,
  start: true,
  color: true,
  logPrefix: true,
  ...more,
});

describe('the flags of up', () => {
  it.each<[Partial<UpFlags>, string]>([
    [{ detach: true, abortOnContainerExit: true }, '--detach cannot be combined with --abort-on-container-exit, '],
    [{ wait: true, attach: ['web'] }, '--wait cannot be combined with --abort-on-container-exit, '],
    [{ detach: true, exitCodeFrom: 'web' }, '--detach cannot be combined'],
    [{ abortOnContainerExit: true, abortOnContainerFailure: true }, '--abort-on-container-failure cannot be combined'],
    [{ forceRecreate: true, recreate: false }, '--force-recreate and --no-recreate are incompatible'],
    [{ alwaysRecreateDeps: true, recreate: false }, '--always-recreate-deps and --no-recreate are incompatible'],
    [{ renewAnonVolumes: true, recreate: false }, '--no-recreate and --renew-anon-volumes are incompatible'],
    [{ build: false, watch: true }, '--no-build and --watch are incompatible'],
  ])('exclude each other: %o', (given, message) => {
    expect(() => checkUpFlags(flags(given))).toThrow(message);
  });

  it('and variables say what becomes of services that the file does not have any more', () => {
    const of = (given: { removeOrphans?: boolean }, environment: Record<string, string>): unknown =>
      orphanHandling(given, { environment });
    expect(of({}, {})).toEqual({ removeOrphans: false, ignoreOrphans: false });
    expect(of({}, { COMPOSE_REMOVE_ORPHANS: 'True' })).toEqual({ removeOrphans: true, ignoreOrphans: false });
    expect(of({ removeOrphans: false }, { COMPOSE_REMOVE_ORPHANS: 'y' })).toMatchObject({ removeOrphans: false });
    expect(of({}, { COMPOSE_REMOVE_ORPHANS: ' Y ', COMPOSE_IGNORE_ORPHANS: 'yes' })).toEqual({
      removeOrphans: true,
      ignoreOrphans: false,
    });
    expect(of({}, { COMPOSE_IGNORE_ORPHANS: '1' })).toEqual({ removeOrphans: false, ignoreOrphans: true });
    const both = (): unknown => of({ removeOrphans: true }, { COMPOSE_IGNORE_ORPHANS: 'true' });
    expect(both).toThrow('cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans');
  });

  it('say whose logs are shown: the named services, not those they depend on', () => {
    const project = {
      services: {
        web: { depends_on: { db: { condition: 'service_started', required: true } } },
        db: {},
        quiet: { attach: false },
      },
    } as unknown as Project;
    const shown = (named: string[], more: Partial<UpFlags> = {}): string[] =>
      attachedServices(project, named, flags(more));
    expect(shown([])).toEqual(['web', 'db']);
    expect(shown(['web'])).toEqual(['web']);
    expect(shown(['web'], { attachDependencies: true })).toEqual(['web', 'db']);
    expect(shown(['web'], { attach: ['quiet'] })).toEqual(['quiet']);
    expect(shown([], { noAttach: ['db'] })).toEqual(['web']);
    expect(() => shown([], { attach: ['other'] })).toThrow('cannot attach to services not included in up: other');
  });
});
