import { expect, it, vi } from 'vitest';
import { startAgentWorld } from '../../test/support/node-agent.ts';
import { pods } from '../client/resources.ts';

it('is what a container that names it is stopped by', async () => {
  const { agent, api, client, clock, runtime } = await startAgentWorld();
  const metadata = { namespace: 'default', name: 'web' };
  const container = { image: 'app:1', lifecycle: { stopSignal: 'SIGRTMIN+3' } };
  await client.create(pods, {
    metadata,
    spec: {
      ...{ nodeName: 'node-1', automountServiceAccountToken: false, os: { name: 'linux' } },
      containers: [
        { name: 'app', ...container },
        { name: 'other', image: 'app:1' },
      ],
    },
  });
  await clock.settle();
  const statuses = (await client.get(pods, metadata)).status?.containerStatuses ?? [];
  expect(statuses.map(({ stopSignal }) => stopSignal)).toEqual(['SIGRTMIN+3', undefined]);
  const stop = vi.spyOn(runtime, 'stopContainer');
  await client.delete(pods, metadata);
  await clock.advance(1000);
  expect(stop.mock.calls.map(([, grace, signal]) => [grace, signal])).toEqual([
    [30, 37],
    [30, undefined],
  ]);
  await agent.stop();
  await api.close();
});
