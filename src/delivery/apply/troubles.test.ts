import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { Pod, PodStatus } from '../../api/types/core-v1.ts';
import { events, pods } from '../../client/resources.ts';
import { tellingTroubles, troubleOf } from './troubles.ts';

const of = (status: PodStatus): string | undefined => troubleOf({ metadata: { name: 'web' }, status });
const container = { name: 'web', image: 'web', imageID: '', ready: false, restartCount: 0 };

describe('what keeps a pod from running', () => {
  it('is in its conditions', () => {
    const scheduled = (status: string, message: string) => ({ type: 'PodScheduled', status, message });
    expect(of({ phase: 'Pending' })).toBeUndefined();
    expect(of({ phase: 'Pending', conditions: [scheduled('False', '0/1 nodes are available')] })).toBe(
      'no node takes it: 0/1 nodes are available',
    );
    expect(of({ phase: 'Failed', reason: 'SysctlForbidden', message: 'forbidden sysctl: "kernel.x"' })).toBe(
      'its node rejects it: SysctlForbidden: forbidden sysctl: "kernel.x"',
    );
    // It ran, and ended.
    const ended = { ...container, state: { terminated: { exitCode: 1 } } };
    expect(of({ phase: 'Failed', reason: 'DeadlineExceeded', containerStatuses: [ended] })).toBeUndefined();
    const waiting = (reason: string) =>
      of({ containerStatuses: [{ ...container, state: { waiting: { reason, message: 'm' } } }] });
    expect(['ContainerCreating', 'PodInitializing'].map(waiting)).toEqual([undefined, undefined]);
    expect(waiting('CreateContainerConfigError')).toBe('container web does not start: CreateContainerConfigError: m');
    expect(waiting('ErrImagePull')).toBe('container web does not start: ErrImagePull: m');
  });
});

describe('telling of troubles', () => {
  let api: TestApiServer;
  beforeEach(async () => void (api = await startTestApiServer()));
  afterEach(() => api.close());

  it('tells each reason once, of the pods that are meant, and of pods that nobody can make', async () => {
    const said: string[] = [];
    let heard = (): void => undefined;
    const until = (count: number): Promise<void> =>
      new Promise((resolve) => {
        heard = () => void (said.length >= count && resolve());
        heard();
      });
    const rejected = async (name: string, app: string): Promise<void> => {
      const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-7d`, uid: 'u' }];
      const metadata = { name, namespace: 'default', labels: { app, 'pod-template-hash': '7d' }, ownerReferences };
      await api.client.create(pods, { metadata, spec: { containers: [{ name: 'web', image: 'web' }] } });
      const document = { status: { phase: 'Failed', reason: 'SysctlForbidden', message: 'no' } };
      await api.client.patch(
        pods,
        { name, namespace: 'default' },
        { kind: 'merge', document },
        { subresource: 'status' },
      );
    };
    await rejected('web-7d-a', 'web');
    const watch = {
      ...{ client: api.client, namespace: 'default' },
      isOurs: ({ metadata }: Pod) => metadata.labels?.['app'] === 'web',
      isOwner: (name: string) => name === 'web' || name.startsWith('web-'),
      tell: (message: string) => {
        said.push(message);
        heard();
      },
    };
    await tellingTroubles([watch], async () => {
      await until(1);
      await rejected('other-7d-a', 'other');
      await rejected('web-7d-b', 'web');
      // The watch of events may not be there yet: controllers tell again, and so do we.
      const refused = { namespace: 'default', kind: 'ReplicaSet', name: 'web-7d' };
      const told = until(2);
      let isTold = false;
      void told.then(() => (isTold = true));
      for (let i = 0; !isTold; i++) {
        const metadata = { name: `refused-${i}`, namespace: 'default' };
        const event = {
          metadata,
          type: 'Warning',
          reason: 'FailedCreate',
          message: 'exceeded quota',
          involvedObject: refused,
        };
        await api.client.create(events, event);
      }
    });
    expect(said).toEqual(['web: its node rejects it: SysctlForbidden: no', 'web-7d: no pod is made: exceeded quota']);
  });
});
