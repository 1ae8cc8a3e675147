import { describe, expect, it } from 'vitest';
import { readShipFile } from './ship-file.ts';

const problem = (text: string): Promise<string> =>
  readShipFile(text, 'timonel.yaml').then(
    () => 'none',
    (error: unknown) => (error as Error).message,
  );
const deploy = 'deploy: {chart: chart}';

describe('a timonel.yaml', () => {
  it('has defaults for all that it does not say', async () => {
    const text = `name: shop
images:
  web:
test:
  - run: pytest
${deploy}
verify:
  - service: web
`;
    expect(await readShipFile(text, 'timonel.yaml')).toMatchObject({
      name: 'shop',
      images: [{ key: 'web', context: '.', repository: 'web', args: {}, secrets: [], platforms: [] }],
      tests: [{ name: 'pytest', run: 'pytest', where: { kind: 'image', image: 'web' }, timeoutMs: 600_000 }],
      deploy: {
        source: { kind: 'chart', path: 'chart', values: {}, valuesFiles: [] },
        ...{ timeoutMs: 300_000, history: 10, strategy: { type: 'rolling' } },
      },
      checks: [{ name: 'web/', target: { kind: 'service', service: 'web', port: '', path: '/' }, status: 200 }],
      watch: { sync: [], ignore: [], forward: [] },
    });
  });

  it('does not repeat what may be the password of a registry', async () => {
    const said = (registry: string): Promise<string> => problem(`name: a\nregistry: "${registry}"\n${deploy}\n`);
    expect(await said('ana:hunter2@reg.example/x')).toBe(
      'timonel.yaml:2: registry: is HOST/PATH; logins are kept by timonel login',
    );
    expect(await said('https://reg.example/x')).toBe('timonel.yaml:2: registry: is HOST/PATH, without https://');
  });

  it('names checks without the passwords of their URLs, which logs and records would keep', async () => {
    const text =
      'name: a\ndeploy: {chart: c}\nverify: [{url: "https://ana:hunter2@shop.test/x?a=1&token=hunter3#y"}]\n';
    const [check] = (await readShipFile(text, 'timonel.yaml')).checks;
    expect(check).toMatchObject({
      name: 'https://ana:***@shop.test/x?a=***&token=***#y',
      target: { url: expect.stringContaining('hunter2') as string },
    });
  });

  it('is told of with file, line and key, every mistake at once', async () => {
    const text = `name: shop
images:
  web:
    contxt: .
deploy:
  chart: chart
  timeout: soon
  strategy: {type: canari}
`;
    expect(await problem(text)).toBe(
      [
        'timonel.yaml:4: images.web.contxt: there is no such key (context?)',
        'timonel.yaml:7: deploy.timeout: must be a duration, like 30s or 5m',
        'timonel.yaml:8: deploy.strategy.type: must be one of rolling, blue-green, canary',
      ].join('\n'),
    );
  });

  it('says what is missing, and where', async () => {
    expect(await problem('name: shop\n')).toBe('timonel.yaml:1: deploy is missing');
    expect(await problem(`name: shop\n${deploy}\ntest:\n  - name: unit\n`)).toBe(
      'timonel.yaml:4: test[0]: run is missing',
    );
    expect(await problem('- a\n')).toBe('timonel.yaml:1: must be object');
    expect(await problem('name: [')).toMatch(/^timonel.yaml:1: /);
  });

  it('has one source of what is deployed', async () => {
    const both = 'name: a\ndeploy:\n  chart: c\n  compose: compose.yaml\n';
    expect(await problem(both)).toBe(
      'timonel.yaml:2: deploy: one of chart, manifests, kustomization and compose is meant, not chart and compose',
    );
    expect(await problem('name: a\ndeploy:\n  manifests: [x]\n  values: {a: b}\n')).toBe(
      'timonel.yaml:4: deploy.values: only a chart takes values',
    );
  });

  it('names images that exist, and tests in one place', async () => {
    const text = (test: string): string => `name: a\nimages:\n  web:\n${deploy}\ntest:\n  - {run: x, ${test}}\n`;
    expect(await problem(text('image: wep'))).toBe(
      'timonel.yaml:6: test[0].image: there is no image wep; there are: web',
    );
    expect(await problem(text('host: true, image: web'))).toBe(
      'timonel.yaml:6: test[0]: a test runs in one place, not in image and host',
    );
    expect(await problem(`name: a\n${deploy}\ntest: [{run: x}]\n`)).toMatch('there is no image to run it in');
  });

  it('has steps of a canary that grow', async () => {
    const steps = '{type: canary, steps: [{weight: 50}, {weight: 10}]}';
    expect(await problem(`name: a\ndeploy:\n  chart: c\n  strategy: ${steps}\n`)).toBe(
      'timonel.yaml:4: deploy.strategy.steps[1].weight: must be more than the step before has',
    );
  });

  it('does not hang on a bomb of aliases', async () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdefg'[i]}`).join(', ')}]`),
    ];
    expect(await problem(bomb.join('\n'))).toMatch(/^timonel.yaml: /);
  });
});
