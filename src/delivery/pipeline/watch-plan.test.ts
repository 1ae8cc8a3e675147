import { describe, expect, it } from 'vitest';
import { parseIgnore } from './docker-ignore.ts';
import { readShipFile } from './ship-file.ts';
import { mayMatter, planChange, type WatchedProject } from './watch-plan.ts';

const text = `
name: shop
images: {web: {context: .}, job: {context: job, dockerfile: docker/Job}}
deploy: {chart: chart, valuesFiles: [prod.yaml]}
watch:
  sync: [{from: src/static, to: /app/static}, {from: job/x.py, to: /job/x.py, image: job}]
  ignore: ["**/*.tmp"]
  forward: ["8080:service/web:http"]
`;

async function project(): Promise<WatchedProject> {
  const file = await readShipFile(text, 'timonel.yaml');
  expect(file.watch.forward).toEqual([{ localPort: 8080, kind: 'service', name: 'web', port: 'http' }]);
  const rules =
    'chart\ntimonel.yaml\nREADME.md\nprod.yaml\ndocker\njob\nnode_modules\nDockerfile\n.dockerignore\nsrc/static';
  const ignored = new Map([['web', parseIgnore(rules)]]);
  const sources = new Set(['../base/kustomization.yaml']);
  return { file, fileName: 'timonel.yaml', ignored, unwatched: parseIgnore('**/*.tmp'), sources };
}

describe('a change of files', () => {
  const plan = async (...paths: string[]): Promise<unknown> => planChange(paths, await project());

  it('is copied where the file says so', async () => {
    expect(await plan('src/static/a/b.css', 'job/x.py')).toEqual({
      kind: 'sync',
      files: [
        { path: 'src/static/a/b.css', to: '/app/static/a/b.css', image: 'web' },
        { path: 'job/x.py', to: '/job/x.py', image: 'job' },
      ],
    });
  });

  it('ships when it is part of an image, of the chart, of its values, or of timonel.yaml', async () => {
    for (const path of ['app.py', 'chart/values.yaml', 'prod.yaml', 'timonel.yaml', 'job/y.py', 'docker/Job']) {
      expect(await plan(path, 'src/static/a.css')).toEqual({ kind: 'ship' });
    }
  });

  it('ships when it says how an image is made, wherever that is, or was read from elsewhere', async () => {
    for (const path of ['Dockerfile', '.dockerignore', 'docker/Job.dockerignore', '../base/kustomization.yaml']) {
      expect(await plan(path)).toEqual({ kind: 'ship' });
    }
  });

  it('is nothing when nobody has to do with it', async () => {
    expect(await plan('README.md', '.git/index', 'x/.git/y', 'a.tmp', 'src/static/a.tmp', '')).toEqual({
      kind: 'nothing',
    });
  });
});

describe('what is watched', () => {
  it.each(['node_modules', 'node_modules/x/index.js', '.git', 'README.md', 'a.tmp', '../other', ''])(
    'is not %s',
    async (path) => expect(mayMatter(path, await project())).toBe(false),
  );

  it.each(['src', 'src/static', 'docker', '../base', 'chart/templates', 'job', 'lib/x.py', 'Dockerfile'])(
    'is %s, or what lies in it',
    async (path) => expect(mayMatter(path, await project())).toBe(true),
  );
});
