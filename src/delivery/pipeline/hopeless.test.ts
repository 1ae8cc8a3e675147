import { describe, expect, it } from 'vitest';
import type { ContainerStatus } from '../../api/types/core-v1.ts';
import { hopelessness } from './hopeless.ts';

const judge = (status: Partial<ContainerStatus>): string | undefined =>
  hopelessness({
    metadata: { name: 'web-1' },
    status: {
      containerStatuses: [{ name: 'web', image: 'web:1', imageID: '', ready: false, restartCount: 0, ...status }],
    },
  });
const waiting = (reason: string): Partial<ContainerStatus> => ({ state: { waiting: { reason } } });
const ended = { lastState: { terminated: { exitCode: 3, reason: 'Error' } } };

describe('a pod', () => {
  it('is hopeless when it keeps ending', () => {
    expect(judge({ ...waiting('CrashLoopBackOff'), ...ended, restartCount: 2 })).toBe(
      'container web ended 3 times (exit code 3)',
    );
    const state = { terminated: { exitCode: 137, reason: 'OOMKilled' } };
    expect(judge({ state, restartCount: 3 })).toBe('container web ended 4 times (exit code 137, out of memory)');
  });

  it('is hopeless when its image is not to be had', () => {
    expect(judge(waiting('ImagePullBackOff'))).toBe('container web cannot start: ImagePullBackOff (image web:1)');
  });

  it('is hopeless when nodes forbid what it asks for', () => {
    const status = { phase: 'Failed', reason: 'SysctlForbidden', message: 'forbidden sysctl: "kernel.x"' };
    expect(hopelessness({ metadata: {}, status })).toBe(
      'its node rejects it: SysctlForbidden: forbidden sysctl: "kernel.x"',
    );
  });

  it('is given time otherwise', () => {
    expect(hopelessness({ metadata: {}, status: { phase: 'Failed', reason: 'OutOfcpu' } })).toBeUndefined();
    expect(judge(waiting('ContainerCreating'))).toBeUndefined();
    expect(judge(waiting('ErrImagePull'))).toBeUndefined();
    expect(judge({ ...waiting('CrashLoopBackOff'), ...ended, restartCount: 1 })).toBeUndefined();
    expect(judge({ state: { running: {} }, restartCount: 9 })).toBeUndefined();
    expect(hopelessness({ metadata: {} })).toBeUndefined();
  });
});
