import { expect, it } from 'vitest';
import { dropIdleVariables } from './flags.ts';

it('forgets variables that say nothing, and switches that say no', () => {
  const environment: Record<string, string | undefined> = {
    ...{ HELM_KUBEASGROUPS: '', HELM_NAMESPACE: 'shop', HELM_DEBUG: 'TRUE', OTHER: '' },
    HELM_KUBEINSECURE_SKIP_TLS_VERIFY: 'false',
  };
  dropIdleVariables(environment);
  expect(environment).toEqual({ HELM_NAMESPACE: 'shop', HELM_DEBUG: 'TRUE', OTHER: '' });
  for (const value of ['', '0', 'no', 'False', 'yes']) {
    const one: Record<string, string | undefined> = { HELM_DEBUG: value };
    dropIdleVariables(one);
    expect(one).toEqual({});
  }
});
