import { expect, it } from 'vitest';
import { maskedSecrets } from './mask-secrets.ts';

it('tells which values of a secret change, and none of them', () => {
  const secret = (data: Record<string, string>) => ({
    metadata: { name: 's', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(data) } },
    data,
  });
  const { before, after } = maskedSecrets(
    secret({ same: 'YQ==', changed: 'Yg==' }),
    secret({ same: 'YQ==', changed: 'Yw==', made: 'ZA==' }),
  );
  expect(before).toEqual({ metadata: { name: 's', annotations: {} }, data: { same: '***', changed: '*** (before)' } });
  expect(after).toEqual({
    metadata: { name: 's', annotations: {} },
    data: { same: '***', changed: '*** (after)', made: '***' },
  });
});
