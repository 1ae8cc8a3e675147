import { expect, it } from 'vitest';
import { CommandError } from './command.ts';

it('an error names the command, and no value of a variable', () => {
  const command = ['buildah', 'bud', '--build-arg', 'TOKEN=hunter2', '--env', 'A=hunter2', '-t', 'x=y', '.'];
  const { message } = new CommandError(command, 1, '');
  expect(message).toBe('buildah bud --build-arg TOKEN=… --env A=… -t x=y .: exit code 1');
});
