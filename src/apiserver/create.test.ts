import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { pods } from '../client/resources.ts';

describe('creating objects', () => {
  let api: TestApiServer;
  beforeEach(async () => {
    api = await startTestApiServer();
  });
  afterEach(() => api.close());

  it('fills in uid, creation time, generation and resource version', async () => {
    const pod = await api.client.create(pods, {
      metadata: { name: 'web', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    });
    expect(pod.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(pod.metadata).toMatchObject({ generation: 1, resourceVersion: '1', namespace: 'default' });
    expect(pod.apiVersion).toBe('v1');
    const found = await api.client.get(pods, { name: 'web', namespace: 'default' });
    expect(found).toBe(pod);
    const list = await api.client.list(pods);
    expect(list.items).toEqual([pod]);
  });
});
