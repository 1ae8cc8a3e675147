import { expect, it } from 'vitest';
import { versionText } from './version.ts';

it('is that of the Helm that is meant, as Helm prints it', async () => {
  expect(await versionText({})).toMatch(/^version\.BuildInfo\{Version:"v4\.\d+\.\d+", GitCommit:"".*\}\n$/);
  expect(await versionText({ short: true })).toMatch(/^v4\.\d+\.\d+\n$/);
  expect(await versionText({ template: 'Helm {{.Version}}' })).toMatch(/^Helm v4\./);
  await expect(versionText({ template: '{{.Nope}}' })).rejects.toThrow('--template: ');
});
