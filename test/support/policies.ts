import { afterEach, beforeEach } from 'vitest';
import type { TestApiServer } from './api-server.ts';
import { request, type Answer } from './request.ts';
import { startSecuredServer } from './secured-server.ts';

export const policiesPath = '/apis/admissionregistration.k8s.io/v1';
export const deploymentsPath = '/apis/apps/v1/namespaces/default/deployments';

/** A server with admission for each test of the file: sends as the user ann, who may do nothing. */
export function serverWithPolicies(): (line: string, body?: object) => Promise<Answer> {
  let api: TestApiServer;
  beforeEach(async () => {
    api = await startSecuredServer();
  });
  afterEach(() => api.close());
  return async (line, body) => {
    const user = { name: 'ann', groups: ['system:authenticated'] };
    const answer = await request(api.server.handler, line, { ...(body && { body }), context: { user } });
    // What follows the policies hears of them a moment after they are stored.
    if (line.includes('polic')) for (let i = 0; i < 20; i++) await new Promise((r) => setImmediate(r));
    return answer;
  };
}

export function deployment(name: string, replicas: number, labels: object = {}): object {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  return { metadata: { name, labels }, spec: { replicas, selector: { matchLabels: { a: 'b' } }, template } };
}
