import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { runCommand } from '../../cluster/command.ts';
import { type CiSystem, ciFiles, renderCi } from '../../delivery/pipeline/init/ci.ts';
import { type Detected, detectProject, type ProjectFiles } from '../../delivery/pipeline/init/detect.ts';
import { type NewFile, newFiles } from '../../delivery/pipeline/init/ship-project.ts';
import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';

/** Looks at a project and writes what `timonel ship` needs of it. What is there stays, unless told otherwise. */
export async function init(directory: string, flags: { force?: boolean }): Promise<void> {
  const root = resolve(directory);
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new CliError(`there is no directory ${directory}`);
  const detected = detectProject(projectFiles(root));
  const output = createOutput();
  output.message(`Found ${detected.because}: ${describe(detected)}`);
  // A chart is one thing: parts of another would not fit into one that is there.
  const hasChart = existsSync(join(root, 'chart')) && !flags.force;
  const files = newFiles(detected).filter(({ path }) => !(hasChart && path.startsWith('chart/')));
  const { written, kept } = await write(root, files, flags.force ?? false);
  for (const path of written) output.data(path);
  if (hasChart && detected.kind.kind !== 'compose') kept.push('chart/');
  if (detected.dockerfile !== undefined) output.message(`${detected.dockerfile} stays as it is.`);
  if (kept.length > 0) output.message(`Left as they are (--force writes them anew): ${kept.join(', ')}`);
  for (const line of nextSteps(detected)) output.message(line);
}

function describe({ kind, port, test, composeFile, name }: Detected): string {
  const words = [
    `${name} listens on ${port}`,
    test === undefined ? 'no tests' : `its tests are \`${test}\``,
    ...(composeFile === undefined || kind.kind === 'compose' ? [] : [`${composeFile} is there as well`]),
    ...(kind.kind === 'other' ? ['what it is built of is not known'] : []),
  ];
  return `${words.join('; ')}.`;
}

function nextSteps({ kind, dockerfile, name, health }: Detected): string[] {
  const isLacking = kind.kind === 'other' && dockerfile === undefined;
  const isComposed = kind.kind === 'compose';
  return [
    ...(isLacking ? ['Next: write a Dockerfile; nobody here knows how it is built.'] : []),
    ...(health.path === undefined ? [noPath] : []),
    `Next: look at timonel.yaml${isComposed ? '' : ' and chart/values.yaml'}, then`,
    '  timonel up && timonel registry up   # a cluster of this machine',
    `  timonel ship --plan && timonel ship${isComposed ? '' : ` # then http://${name}.localhost`}`,
    '  timonel ci github                   # or gitlab: ship what is merged',
  ];
}

const noPath =
  'Nothing says at which path it answers when it is well: probes look whether it listens, and `verify` is yours to write.';

/** Large, and not the project's own. */
const skipped = new Set(['.git', 'node_modules', 'vendor', '.venv', 'venv']);

/** The names of the top folder and of the folders in it, and texts of moderate size. */
function projectFiles(root: string): ProjectFiles {
  const listed = (below: string): string[] => {
    try {
      return readdirSync(join(root, below)).map((name) => (below === '' ? name : `${below}/${name}`));
    } catch {
      return [];
    }
  };
  const top = listed('').filter((name) => !skipped.has(name));
  const below = top.flatMap(listed);
  const names = new Set([...top, ...below, ...below.filter((name) => /^(?:cmd|src)\//.test(name)).flatMap(listed)]);
  const maxBytes = 1 << 20;
  return {
    directory: root,
    names,
    read(name) {
      const info = statSync(join(root, name), { throwIfNoEntry: false });
      return info?.isFile() && info.size < maxBytes ? readFileSync(join(root, name), 'utf8') : undefined;
    },
  };
}

async function write(
  root: string,
  files: readonly NewFile[],
  force: boolean,
): Promise<{ written: string[]; kept: string[] }> {
  const written: string[] = [];
  const kept: string[] = [];
  for (const { path, text } of files) {
    const full = join(root, path);
    await mkdir(dirname(full), { recursive: true });
    try {
      await writeFile(full, text, { flag: force ? 'w' : 'wx' });
      written.push(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      kept.push(path);
    }
  }
  return { written, kept };
}

/** Writes the pipeline file of a CI system. */
export async function ci(system: CiSystem, flags: { force?: boolean }, version: string): Promise<void> {
  const branch = await runCommand(['git', 'symbolic-ref', '--short', 'HEAD']).then(
    (text) => text.trim(),
    () => 'main',
  );
  const path = ciFiles[system];
  const { written } = await write(
    process.cwd(),
    [{ path, text: renderCi(system, { version, branch }) }],
    flags.force ?? false,
  );
  if (written.length === 0) throw new CliError(`${path} is there already`, { hint: 'Write it anew: --force' });
  const output = createOutput();
  output.data(path);
  output.message(
    'It ships what is pushed to the branch, and plans for proposals. Which secrets it needs stands at its top.',
  );
}
