import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { vi } from 'vitest';
import { describeFailure } from '../../src/cli/failure.ts';
import { commandFirst } from '../../src/cli/kube/kube-command.ts';
import { createProgram } from '../../src/cli/program.ts';
import { createKubectl, type Kubectl, type Ran } from './kubectl.ts';

/** The same command line by kubectl and by timonel, against one cluster. */
export interface SideBySide {
  kubectl: Kubectl;
  /** Runs a line by both, one after the other; what is in `{braces}` stands for a file of `file`. */
  both(line: string): Promise<{ theirs: Ran; ours: Ran }>;
  /** Runs a line by kubectl alone. */
  theirs(line: string): Promise<Ran>;
  /** Runs a line by timonel alone. */
  ours(line: string): Promise<Ran>;
  /** Keeps a file that lines can name, by its path. */
  file(name: string, text: string | Buffer): string;
  close(): void;
}

export function createSideBySide(kubectlPath: string, kubeconfig: string): SideBySide {
  const home = mkdtempSync(join(tmpdir(), 'timonel-commands-'));
  const config = join(home, 'config');
  writeFileSync(config, kubeconfig);
  const kubectl = createKubectl(kubectlPath, kubeconfig);
  const wordsOf = (line: string): string[] =>
    split(line).map((word) => word.replaceAll(/\{(\w[\w.-]*)\}/g, (_, name) => join(home, String(name))));
  return {
    kubectl,
    async both(line) {
      const args = wordsOf(line);
      const theirs = await kubectl.run(args);
      return { theirs: comparable(theirs), ours: comparable(await timonel(args, config)) };
    },
    theirs: async (line) => comparable(await kubectl.run(wordsOf(line))),
    ours: async (line) => comparable(await timonel(wordsOf(line), config)),
    file(name, text) {
      mkdirSync(dirname(join(home, name)), { recursive: true });
      writeFileSync(join(home, name), text);
      return join(home, name);
    },
    close() {
      kubectl.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Words as a shell has them, with single quotes. */
function split(line: string): string[] {
  return (line.match(/(?:[^\s']+|'[^']*')+/g) ?? []).map((word) => word.replaceAll("'", ''));
}

/** The command line in this process, as `main` runs it. */
async function timonel(args: readonly string[], kubeconfig: string): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += String(text);
      return true;
    }),
  );
  const dashes = args.indexOf('--');
  const line = dashes < 0 ? [...args] : args.slice(0, dashes);
  const words = [...line, '--kubeconfig', kubeconfig, ...args.slice(line.length)];
  const before = { exitCode: process.exitCode, argv: process.argv };
  process.exitCode = undefined;
  process.argv = ['node', 'timonel', ...words];
  try {
    await createProgram('0').parseAsync(commandFirst(words), { from: 'user' });
    return { ...said, code: Number(process.exitCode ?? 0) };
  } catch (error) {
    const { lines, exitCode } = describeFailure(error);
    return { stdout: said.stdout, stderr: said.stderr + lines.map((each) => `${each}\n`).join(''), code: exitCode };
  } finally {
    Object.assign(process, before);
    for (const spy of spies) spy.mockRestore();
  }
}

/**
 * Without the tools' names and directories, without ages, which go on between two commands, and without the empty
 * creation times that kubectl printed until 1.33.
 */
function comparable({ stdout, stderr, code }: Ran): Ran {
  const plain = (text: string): string =>
    text
      .replaceAll(/metadata:\n( +)creationTimestamp: null\n(?!\1\S)/g, 'metadata: {}\n')
      .replaceAll(/^.*creationTimestamp: null\n/gm, '')
      .replaceAll(/\/tmp\/timonel-(?:kubectl|commands)-\w+/g, 'HOME')
      .replaceAll(/\bkubectl\b(?!\.)/g, 'timonel')
      .replaceAll(/\b(?:\d+[smhd])+\b/g, 'AGE')
      // What goes on happening may happen between the two.
      .replaceAll(/AGE \(x\d+ over AGE\)/g, 'AGE')
      // A column is as wide as its longest age, and so is the line below its name.
      .replaceAll(/\b(AGE|Age|LAST SEEN)\b(\)?) +/g, '$1$2 ')
      .replaceAll(/(?<=^ *-.*-) +(?=-)/gm, ' ')
      .replaceAll(/ +$/gm, '');
  return { stdout: plain(stdout), stderr: plain(stderr), code };
}
