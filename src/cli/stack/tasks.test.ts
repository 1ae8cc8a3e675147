import { expect, it } from 'vitest';
import type { PodStatus } from '../../api/types/core-v1.ts';
import { type StackService, taskRow } from './stacks.ts';

const service = { stack: 'shop', service: 'web' } as StackService;
const row = (status: PodStatus, trunc = true): ReturnType<typeof taskRow> =>
  taskRow(service, { metadata: { name: 'p', uid: 'u' }, status }, { slot: 2, flags: { trunc } });

it("tasks have Swarm's states, and say what keeps them from running", () => {
  const message = '0/1 nodes are available: 1 Insufficient cpu';
  const conditions = [{ type: 'PodScheduled', status: 'False', message }];
  expect(row({ phase: 'Pending', conditions })).toMatchObject({
    ...{ Name: 'shop_web.2', DesiredState: 'Running', Error: '"no node takes it: 0/1 nodes a…"' },
    CurrentState: expect.stringMatching(/^Pending /) as unknown,
  });
  expect(row({ phase: 'Pending', conditions }, false).Error).toBe(`"no node takes it: ${message}"`);
  expect(row({ phase: 'Failed', reason: 'SysctlForbidden', message: 'no' })).toMatchObject({
    CurrentState: expect.stringMatching(/^Rejected /) as unknown,
  });
  expect(row({ phase: 'Failed' }).CurrentState).toMatch(/^Failed /);
  expect(row({ phase: 'Pending' })).toMatchObject({
    Error: '',
    CurrentState: expect.stringMatching(/^Preparing /) as unknown,
  });
  expect(row({ phase: 'Running' }).CurrentState).toMatch(/^Running /);
});
