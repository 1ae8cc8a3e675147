import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { deployments, pods } from '../../client/resources.ts';
import { projectLabel, serviceLabel } from '../../delivery/compose/translate/names.ts';
import { converged } from './services.ts';
import type { StackService } from './stacks.ts';

let api: TestApiServer;
beforeEach(async () => void (api = await startTestApiServer()));
afterEach(async () => {
  vi.restoreAllMocks();
  await api.close();
});

it('a service that is waited for says why its pods do not come to run', async () => {
  const { client } = api;
  const at = { name: 'web', namespace: 'default' };
  const labels = { [projectLabel]: 'shop', [serviceLabel]: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } };
  await client.create(deployments, { metadata: at, spec: { selector: { matchLabels: labels }, template } });
  const pod = async (name: string, own: Record<string, string>, message: string): Promise<void> => {
    await client.create(pods, { metadata: { name, namespace: 'default', labels: own }, spec: template.spec });
    const document = { status: { phase: 'Failed', reason: 'SysctlForbidden', message } };
    await client.patch(pods, { name, namespace: 'default' }, { kind: 'merge', document }, { subresource: 'status' });
  };
  await pod('other', { ...labels, [serviceLabel]: 'other' }, 'of another service');
  await pod('web-1', labels, 'forbidden sysctl');
  const said: string[] = [];
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.push(String(text));
    const available = {
      observedGeneration: 1,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
    };
    void client.patch(deployments, at, { kind: 'merge', document: { status: available } }, { subresource: 'status' });
    return true;
  });
  const service = { ...at, stack: 'shop', service: 'web', mode: 'replicated', id: 'x' } as StackService;
  await converged(client, service, {});
  expect(said.join('')).toBe('web-1: its node rejects it: SysctlForbidden: forbidden sysctl\n');
});
