import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSource } from './load-source.ts';
import { readShipFile } from './ship-file.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'source-'));
  for (const [name, file] of Object.entries({ 'good/Chart.yaml': 'good', 'bad/Chart.yaml': undefined })) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    const text = file === undefined ? 'name: [' : `apiVersion: v2\nname: ${file}\nversion: 1.0.0\n`;
    writeFileSync(join(directory, name), text);
  }
  writeFileSync(join(directory, 'prod.yaml'), 'replicas: 2\n');
});

afterAll(() => rmSync(directory, { recursive: true }));

async function load(deploy: string): Promise<unknown> {
  const file = await readShipFile(`name: shop\nimages: {web: {context: .}}\ndeploy: ${deploy}\n`, 'timonel.yaml');
  const variables = { images: {}, commit: '', environment: {} };
  return (await loadSource({ directory, file, variables, warn: () => undefined })).values;
}

describe('what deploy names', () => {
  it('is a chart with values', async () => {
    expect(await load('{chart: good, valuesFiles: [prod.yaml], values: {debug: true}}')).toEqual({
      ...{ replicas: 2, debug: true },
    });
  });

  it('is told by its key where it is not there or cannot be read', async () => {
    await expect(load('{chart: nowhere}')).rejects.toThrow('deploy.chart: there is no nowhere');
    await expect(load('{chart: bad}')).rejects.toThrow(/^deploy\.chart: bad: /);
    await expect(load('{chart: good, valuesFiles: [dev.yaml]}')).rejects.toThrow(
      'deploy.valuesFiles: there is no dev.yaml',
    );
    await expect(load('{manifests: [nowhere]}')).rejects.toThrow('deploy.manifests: there is no nowhere');
    await expect(load('{compose: nowhere.yaml}')).rejects.toThrow(/nowhere\.yaml/);
    await expect(load('{kustomization: nowhere}')).rejects.toThrow(/nowhere/);
  });
});
