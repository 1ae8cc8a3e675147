import { expect, it, vi } from 'vitest';
import { CommandError, runCommand } from './command.ts';

it('an error names the command, and no value of a variable', () => {
  const command = ['buildah', 'bud', '--build-arg', 'TOKEN=hunter2', '--env', 'A=hunter2', '-t', 'x=y', '.'];
  const { message } = new CommandError(command, 1, '');
  expect(message).toBe('buildah bud --build-arg TOKEN=… --env A=… -t x=y .: exit code 1');
});

it('called off ends with all that it has started, and is told of only then', async () => {
  const abort = new AbortController();
  let output = '';
  const running = runCommand(['sh', '-c', 'sleep 1000 & echo $!; wait'], {
    signal: abort.signal,
    onStdout: (text) => {
      output += text;
      if (text.includes('\n')) abort.abort();
    },
  });
  await expect(running).rejects.toThrow('it was called off');
  const pid = Number(output);
  // A zombie that nobody has waited for yet is no process that works.
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 60_000 });
  const late = runCommand(['sleep', '1000'], { signal: abort.signal });
  await expect(late).rejects.toThrow('it was called off');
});
