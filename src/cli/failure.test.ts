import { describe, expect, it } from 'vitest';
import { KubeconfigError } from '../client/kubeconfig.ts';
import { CommandError } from '../cluster/command.ts';
import { LauncherError } from '../cluster/launcher-error.ts';
import { BrokenPkiError } from '../cluster/pki-error.ts';
import { CliError, OperationError } from './errors.ts';
import { describeFailure } from './failure.ts';

const systemError = (code: string, message: string): Error => Object.assign(new Error(message), { code });

describe('a failed command', () => {
  it('says one sentence and what to do', () => {
    expect(describeFailure(new CliError('no', { hint: 'Do.', exitCode: 2 }))).toEqual({
      lines: ['error: no', 'Do.'],
      exitCode: 2,
    });
    expect(describeFailure(new LauncherError('port 1 is taken', 'Choose another.'))).toEqual({
      lines: ['error: port 1 is taken', 'Choose another.'],
      exitCode: 1,
    });
    expect(describeFailure(new BrokenPkiError('no key')).lines[1]).toContain('backup');
    expect(describeFailure(new KubeconfigError('no file')).lines[1]).toContain('--kubeconfig');
  });

  it('names the operation that failed, in Helm’s form', () => {
    expect(describeFailure(new OperationError('UPGRADE FAILED', new CliError('no', { hint: 'Do.' })), 'Error')).toEqual(
      {
        lines: ['Error: UPGRADE FAILED: no', 'Do.'],
        exitCode: 1,
      },
    );
    const { lines, exitCode } = describeFailure(new OperationError('UPGRADE FAILED', new TypeError('oops')), 'Error');
    expect([lines[0], exitCode]).toEqual([
      expect.stringMatching(/^Error: UPGRADE FAILED: TypeError: oops\n.*failure.test/),
      70,
    ]);
  });

  it.each([
    [systemError('ENOSPC', 'ENOSPC: no space left on device, write'), 'error: the disk is full'],
    [new Error('containerd ended (1): mkdir /x: no space left on device'), 'error: the disk is full'],
    [new CommandError(['tar'], 1, 'tar: No space left on device'), 'error: the disk is full'],
    [systemError('EROFS', 'EROFS: read-only file system'), 'error: the file system is read-only'],
    [systemError('EACCES', 'EACCES: permission denied'), 'error: permission denied'],
    [systemError('ECONNREFUSED', 'connect ECONNREFUSED'), 'error: the API server does not answer'],
  ])('names the cause when the system refuses: %s', (error, start) => {
    const { lines, exitCode } = describeFailure(error);
    expect(lines).toHaveLength(2);
    expect(lines[0]?.startsWith(start)).toBe(true);
    expect(exitCode).toBe(1);
  });

  it('shows the stack of what nobody foresaw', () => {
    const { lines, exitCode } = describeFailure(new TypeError('oops'));
    expect(lines[0]).toContain('failure.test.ts');
    expect(lines[1]).toBe('This is a bug in timonel.');
    expect(exitCode).toBe(70);
  });
});
