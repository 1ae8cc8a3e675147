import { expect, it } from 'vitest';
import { startTestApiServer } from '../../../test/support/api-server.ts';
import { secrets, serviceAccounts } from '../../client/resources.ts';
import { givePullSecret } from './pull-secret.ts';

it('pods of a namespace pull with the secret of its default account, once and renewed', async () => {
  const api = await startTestApiServer();
  const { client } = api;
  const login = (password: string) => ({ username: 'ana', password });
  const give = (password: string) =>
    givePullSecret(api, { host: 'Reg.example:5000', login: login(password), namespace: 'shop' });
  const first = give('one');
  await client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'shop' } });
  expect(await first).toBe('pull-reg.example-5000');
  await give('two');
  const account = await client.get(serviceAccounts, { name: 'default', namespace: 'shop' });
  expect(account.imagePullSecrets).toEqual([{ name: 'pull-reg.example-5000' }]);
  const { data, type } = await client.get(secrets, { name: 'pull-reg.example-5000', namespace: 'shop' });
  expect(type).toBe('kubernetes.io/dockerconfigjson');
  const config = Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString();
  expect(
    Buffer.from(
      (JSON.parse(config) as { auths: Record<string, { auth: string }> }).auths['Reg.example:5000']?.auth ?? '',
      'base64',
    ).toString(),
  ).toBe('ana:two');
  await api.close();
});
