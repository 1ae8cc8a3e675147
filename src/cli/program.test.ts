import { CommanderError } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CliError } from './errors.ts';
import { createProgram } from './program.ts';

/** What a command line that is wrong answers. */
async function complaint(...args: string[]): Promise<string> {
  const program = createProgram('0.0.0-test');
  let said = '';
  const listen = (command: typeof program): void => {
    command.configureOutput({ writeErr: (text) => (said += text) });
    command.commands.forEach(listen);
  };
  listen(program);
  await expect(program.parseAsync(args, { from: 'user' })).rejects.toThrow(CommanderError);
  return said;
}

/** Helm's commands reject with what there is to say. */
async function chartComplaint(...args: string[]): Promise<string> {
  const failure: unknown = await createProgram('0.0.0-test')
    .parseAsync(['chart', ...args], { from: 'user' })
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CliError);
  return (failure as CliError).message;
}

describe('the command line', () => {
  it('names a flag that it does not know, and where the help of the command is', async () => {
    expect(await complaint('node', 'add', '--bogus')).toBe(
      "error: unknown option '--bogus'\nHow to use it: timonel node add --help\n",
    );
  });

  it('suggests the command that was meant', async () => {
    expect(await complaint('upp')).toContain("error: unknown command 'upp'\n(Did you mean up?)");
    expect(await complaint('node', 'kil')).toContain('(Did you mean kill?)');
    expect(await complaint('help', 'nope')).toContain("error: unknown command 'nope'");
  });

  it.each([
    ['--nodes', '0', 'a whole number from 1 to 100'],
    ['--nodes', 'many', 'a whole number from 1 to 100'],
    ['--nodes', '1.5', 'a whole number from 1 to 100'],
    ['--port', '99999', 'a whole number from 1 to 65535'],
    ['--port', '0', 'a whole number from 1 to 65535'],
    ['--node-grace', '0', 'a number of seconds above zero'],
    ['--eviction-after', 'soon', 'a number of seconds above zero'],
    ['--runtime', 'docker', 'Allowed choices are containerd, simulated'],
  ])('refuses %s %s and says what is allowed', async (flag, value, allowed) => {
    const said = await complaint('up', flag, value);
    expect(said).toContain(allowed);
    expect(said).toContain('How to use it: timonel up --help');
  });

  it('asks for what is missing', async () => {
    expect(await complaint('node', 'kill')).toContain("missing required argument 'node'");
    expect(await complaint('build', '.')).toContain('-t, --tag <name>');
    expect(await complaint('up', 'extra')).toContain('too many arguments');
    expect(await complaint('completion', 'tcsh')).toContain('Allowed choices are bash, zsh, fish');
  });
});

describe('the commands of one command line', () => {
  const whole = createProgram('0.0.0-test');
  const all = whole.commands.map((command) => command.name());

  it.each(all)('are those of its group, and look the same: %s', (name) => {
    const helpOf = ({ commands }: typeof whole): string | undefined =>
      commands.find((command) => command.name() === name)?.helpInformation();
    const program = createProgram('0.0.0-test', name);
    expect(helpOf(program)).toBe(helpOf(whole));
    if (['completion', 'help'].includes(name)) expect(program.commands).toHaveLength(all.length);
    else expect(program.commands.length).toBeLessThan(all.length);
  });

  it.each([undefined, 'upp', '--help'])('are all of them for a line that begins with %s', (word) => {
    expect(createProgram('0.0.0-test', word).commands.map((command) => command.name())).toEqual(all);
  });
});

describe('a flag that the program has as well', () => {
  it.each([['show', 'chart'], ['install', 'web'], ['template', 'web'], ['pull']])(
    'is that of the command behind which it stands: chart %s %s --version 1.2.3',
    async (...words) => {
      const names = words.filter((word) => typeof word === 'string');
      const failure: unknown = await createProgram('0.0.0-test', 'chart')
        .parseAsync(['chart', ...names, './nowhere', '--version', '1.2.3'], { from: 'user' })
        .catch((error: unknown) => error);
      expect(String((failure as Error).cause ?? failure)).toContain('"./nowhere" not found');
    },
  );
});

describe('chart commands', () => {
  it.each([
    [
      ['install'],
      '"timonel chart install" requires at least 1 argument\n\nUsage:  timonel chart install [NAME] [CHART] [flags]',
    ],
    [
      ['status', 'a', 'b'],
      '"timonel chart status" requires 1 argument\n\nUsage:  timonel chart status RELEASE_NAME [flags]',
    ],
    [
      ['upgrade', 'a'],
      '"timonel chart upgrade" requires 2 arguments\n\nUsage:  timonel chart upgrade [RELEASE] [CHART] [flags]',
    ],
    [
      ['rollback', 'a', '1', '2'],
      '"timonel chart rollback" accepts at most 2 arguments\n\nUsage:  timonel chart rollback <RELEASE> [REVISION] [flags]',
    ],
    [['list', 'x'], '"timonel chart list" accepts no arguments\n\nUsage:  timonel chart list [flags]'],
    [
      ['dependency', 'list', 'a', 'b'],
      '"timonel chart dependency list" accepts at most 1 argument\n\nUsage:  timonel chart dependency list CHART [flags]',
    ],
    [
      ['instal', 'x'],
      'unknown command "instal" for "timonel chart"\n\nDid you mean this?\n\tinstall\n\nRun \'timonel chart --help\' for usage.',
    ],
    [
      ['repo', 'bogus'],
      'unknown command "bogus" for "timonel chart repo"\nRun \'timonel chart repo --help\' for usage.',
    ],
    [['install', '--bogus=1', 'x', 'y'], 'unknown flag: --bogus'],
    [['install', '-yz', 'x', 'y'], "unknown shorthand flag: 'y' in -yz"],
    [['install', 'x', 'y', '--timeout'], 'flag needs an argument: --timeout'],
    [['list', '-o', 'wide'], 'invalid argument "wide" for "-o, --output" flag: invalid format type'],
    [
      ['install', 'x', 'y', '--timeout', 'abc'],
      'invalid argument "abc" for "--timeout" flag: It is a duration like 30s, 5m or 1h30m.',
    ],
  ])('complain in Helm’s words about %j', async (words, said) => {
    expect(await chartComplaint(...words)).toBe(said);
  });

  it('say what there is when a group is named alone, which is no mistake', async () => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const failure: unknown = await createProgram('0')
      .parseAsync(['chart', 'repo'], { from: 'user' })
      .catch((e: unknown) => e);
    expect(failure).toMatchObject({ exitCode: 0 });
    expect(write.mock.calls.join('')).toContain('Usage: timonel chart repo');
    write.mockRestore();
  });

  it.each([
    ['plugin', 'there are no plugins'],
    ['completion', 'timonel completion bash'],
  ])('say where %s is, which Helm has there', async (name, what) => {
    expect(await chartComplaint(name, 'x', '--short')).toContain(`timonel chart has no '${name}': ${what}`);
  });

  const chart = createProgram('0.0.0-test').commands.find((command) => command.name() === 'chart');
  const leaves = (chart?.commands ?? [])
    .flatMap((command) =>
      command.commands.length > 0
        ? command.commands.map((inner) => [command.name(), inner.name()])
        : [[command.name()]],
    )
    .filter(([name = '']) => !['plugin', 'completion'].includes(name));

  const flags = [
    ...['--burst-limit 1', '--color never', '--colour never', '--content-cache x', '--debug', '--kube-apiserver x'],
    ...['--kube-as-group x', '--kube-as-user x', '--kube-ca-file x', '--kube-context x', '--kube-token x'],
    ...['--kube-insecure-skip-tls-verify', '--kube-tls-server-name x', '--kubeconfig x', '--namespace x', '--qps 1'],
    ...['--registry-config x', '--repository-cache x', '--repository-config x'],
  ].flatMap((flag) => flag.split(' '));

  afterEach(() => vi.unstubAllEnvs());

  it.each(leaves)("take Helm's flags for all commands: %s %s", async (...words) => {
    for (const name of ['REGISTRY_CONFIG', 'REPOSITORY_CACHE', 'REPOSITORY_CONFIG']) vi.stubEnv(`HELM_${name}`, '');
    const names = words.filter((word) => typeof word === 'string');
    expect(await chartComplaint(...names, ...flags, '--bogus')).toContain('unknown flag: --bogus');
    expect(process.env['HELM_REPOSITORY_CONFIG']).toBe('x');
    expect(leaves.length).toBeGreaterThan(25);
  });
});
