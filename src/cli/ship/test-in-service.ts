import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CommandError, runCommand } from '../../cluster/command.ts';
import { ShipError } from '../../delivery/pipeline/ship-error.ts';
import type { ShipTest } from '../../delivery/pipeline/ship-file.ts';
import type { ShipImages } from './images.ts';
import type { ShipProject } from './project.ts';
import type { ShipTarget } from './target.ts';

export interface ServiceTestOptions {
  images: ShipImages;
  project: ShipProject;
  target: ShipTarget;
  onOutput: (text: string) => void;
}

type ServiceTest = ShipTest & { where: { kind: 'service' } };

/**
 * Runs a test in a container of a compose service, with all that the service depends on, as a project of its own that
 * is gone after it: `timonel compose run`, over the images that were just built. Resolves with the exit code.
 */
export async function runInService(
  test: ServiceTest,
  options: ServiceTestOptions,
  signal: AbortSignal,
): Promise<number> {
  const { project, target, onOutput } = options;
  if (!target.local) {
    throw new ShipError(`test ${test.name}: tests in compose services run on clusters of this machine`, {
      hint: 'What is not pushed yet is on no other. Run it in an image, or on the host: host: true',
    });
  }
  const directory = mkdtempSync(join(tmpdir(), 'timonel-test-'));
  const output = { onStdout: onOutput, onStderr: onOutput };
  const environment = { ...test.environment };
  try {
    const compose = await composeCommand(test, options, directory);
    // Values come by the environment: a command line can be read by everybody on the machine.
    const variables = Object.keys(environment).flatMap((name) => ['-e', name]);
    const run = ['run', '--rm', '-T', ...variables, test.where.service, 'sh', '-c', test.run];
    try {
      await runCommand([...compose, ...run], { ...output, directory: project.directory, env: environment, signal });
      return 0;
    } catch (error) {
      if (error instanceof CommandError && error.exitCode !== null) return error.exitCode;
      throw error;
    } finally {
      await runCommand([...compose, 'down', '-v', '-t', '0'], { directory: project.directory });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** This program's own compose command, on the file and on one that gives its services what was built. */
async function composeCommand(
  { where }: ServiceTest,
  { images, project: { file, directory: home }, target }: ServiceTestOptions,
  directory: string,
): Promise<string[]> {
  const { source } = file.deploy;
  const path = resolve(home, where.compose ?? (source.kind === 'compose' ? source.path : 'compose.yaml'));
  const program = [process.execPath, process.argv[1] ?? '', 'compose', '-p', `${file.name}-test`];
  const cluster = ['--context', target.contextName, '--progress', 'quiet'];
  const services = await runCommand([...program, '-f', path, 'config', '--services'], { directory: home });
  const built = services.split('\n').filter((name) => images.references[name] !== undefined);
  const lines = built.map((name) => `  ${name}: {image: "${images.references[name]?.reference}", build: !reset null}`);
  const override = join(directory, 'built.yaml');
  writeFileSync(override, built.length === 0 ? 'services: {}\n' : `services:\n${lines.join('\n')}\n`);
  return [...program, ...cluster, '-f', path, '-f', override, '--project-directory', home];
}
