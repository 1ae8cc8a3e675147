import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Ran, remains, root, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-ship-compose-'));
const kubeconfig = join(scratch, 'kubeconfig');
const laptop = new TestCluster('shc', kubeconfig);
const other = new TestCluster('shc2', kubeconfig);
process.env['DOCKER_CONFIG'] = join(scratch, 'docker');

const project = join(scratch, 'app');
const file = join(project, 'timonel.yaml');
/** Where each of the clusters has the page on this machine. */
const ports = new Map([
  [laptop, 28_305],
  [other, 28_306],
]);
const program = join(project, 'web/stand-in.sh');
const change = (from: string, to: string): void => {
  const before = readFileSync(program, 'utf8');
  expect(before).toContain(from);
  writeFileSync(program, before.replace(from, to));
};

const shipFile = `name: visits
images:
  web: {context: web}
  db: {context: db}
test:
  - name: greets
    run: grep -q "hello from" /bin/stand-in
    image: web
deploy:
  compose: compose.yaml
  timeout: 40s
verify:
  - {service: web, port: 8080, contains: visits}
`;

const compose = `services:
  web:
    image: visits-web
    build: web
    command: web
    ports: ["\${WEB_PORT}:8080"]
    environment: {DATABASE: "db:5432"}
    healthcheck: {test: "wget -q -O- localhost:8080 | grep -q visits", interval: 1s}
    deploy: {replicas: 2, update_config: {order: start-first}}
  db:
    image: visits-db
    build: db
    command: database
    environment: {PORT: 5432, DATA: /data}
    volumes: ["data:/data"]
volumes:
  data:
`;

beforeAll(async () => {
  mkdirSync(project);
  for (const service of ['web', 'db']) {
    cpSync(join(root, 'examples/compose/stand-in'), join(project, service), { recursive: true });
  }
  writeFileSync(join(project, 'compose.yaml'), compose);
  // As a server that is well brought up, it ends what is under way before it goes.
  change("trap 'kill $child", "trap 'sleep 1; kill $child");
  writeFileSync(file, shipFile);
  for (const cluster of [other, laptop]) {
    await cluster.tryTimonel('delete');
    await cluster.timonel('up', '--nodes', '1');
    await cluster.timonel('image', 'base', '--busybox');
    await cluster.timonel('registry', 'up');
  }
});

afterAll(async () => {
  for (const cluster of [laptop, other]) {
    cluster.endAll();
    await cluster.tryTimonel('delete');
  }
  rmSync(scratch, { recursive: true, force: true });
  expect([...(await remains('shc')), ...(await remains('shc2'))]).toEqual([]);
});

/** What the page of a published port says now. */
async function ask(port: number): Promise<string> {
  const given = { headers: { connection: 'close' }, signal: AbortSignal.timeout(20_000) };
  const answer = await fetch(`http://127.0.0.1:${port}/`, given).then(
    async (response) => `${response.status} ${await response.text()}`,
    (error: Error) => error.message,
  );
  return answer.replaceAll('\n', ' ').trim();
}

const page = (cluster: TestCluster): Promise<string> => ask(ports.get(cluster) as number);
const shows = (cluster: TestCluster, text: RegExp): Promise<true> =>
  eventually(async () => text.test(await page(cluster)) || undefined, `${cluster.name} shows ${text.source}`);

/** Both clusters are in one kubeconfig: the context alone says which one is meant. */
function ship(cluster: TestCluster, ...words: string[]): Promise<Ran> {
  process.env['WEB_PORT'] = String(ports.get(cluster));
  return laptop.tryTimonel('ship', ...words, '-f', file, '--context', `timonel-${cluster.name}`, '-n', 'visits');
}

async function mustShip(cluster: TestCluster, ...words: string[]): Promise<string> {
  const ran = await ship(cluster, ...words);
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
  return ran.stdout;
}

const visitsOf = (answer: string): number => Number(/^200 hello .*visits: (\d+)$/.exec(answer)?.[1]);

/**
 * Ships while a client asks again and again; gives the answers that were not right. The database counts each visit: one
 * that does not count on has lost its data.
 */
async function shipUnderLoad(cluster: TestCluster): Promise<{ ran: Ran; bad: string[]; asked: number }> {
  const bad: string[] = [];
  let asked = 0;
  let visits = 0;
  let isOver = false;
  const client = (async () => {
    while (!isOver) {
      const answer = await page(cluster);
      asked += 1;
      if (visitsOf(answer) > visits) {
        visits = visitsOf(answer);
        continue;
      }
      bad.push(answer);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const ran = await ship(cluster);
  isOver = true;
  await client;
  return { ran, bad, asked };
}

interface Row {
  revision: number | null;
  status: string;
  description: string;
  record?: { by: string; tests: { name: string; result: string }[] };
}

describe('a compose project', () => {
  it('runs on the laptop, and then as a release in a cluster', async () => {
    const words = ['compose', '-f', join(project, 'compose.yaml')];
    process.env['WEB_PORT'] = String(ports.get(laptop));
    await laptop.timonel(...words, 'up', '-d');
    await shows(laptop, /^200 hello from web visits: \d+$/);
    await laptop.timonel(...words, 'down', '--volumes');
    expect(await mustShip(laptop)).toBe('visits revision 1\n');
    await shows(laptop, /^200 hello from web visits: \d+$/);
  });

  it('is stopped by a failing test, which the history tells', async () => {
    change('hello from', 'goodbye from');
    const stopped = await ship(laptop);
    expect(stopped).toMatchObject({ code: 1, stdout: '' });
    expect(stopped.stderr).toContain('test greets failed (exit code 1)');
    const rows = JSON.parse(await mustShip(laptop, 'history', '-o', 'json')) as Row[];
    expect(rows.map(({ revision, status }) => `${revision} ${status}`)).toEqual(['1 deployed', 'null stopped']);
    expect(rows[1]).toMatchObject({
      description: 'Stopped: test greets failed',
      record: { by: expect.stringContaining('@') as string, tests: [{ name: 'greets', result: 'failed' }] },
    });
    expect(await mustShip(laptop, 'history')).toMatch(/^- .* stopped .* 1 failed +Stopped: test greets failed$/m);
  });

  it('comes back when its web image crashes; its clients see nothing of it, and its data stays', async () => {
    change('goodbye from', 'hello from');
    change('role=${1:-web}', 'role=${1:-web}\n[ "$role" = web ] && exit 3');
    const { ran, bad, asked } = await shipUnderLoad(laptop);
    expect(ran, ran.stderr).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(/ended 3 times \(exit code 3\)/);
    expect(ran.stderr).toContain('Rolled back to revision 1, as revision 3.');
    expect({ bad, isAsked: asked > 10 }).toEqual({ bad: [], isAsked: true });
    expect(visitsOf(await page(laptop))).toBeGreaterThan(asked);
  });

  it('is upgraded, and brought back', async () => {
    change('\n[ "$role" = web ] && exit 3', '');
    change('hello from ${NAME:-web}', 'hello from the new ${NAME:-web}');
    const before = visitsOf(await page(laptop));
    const { ran, bad } = await shipUnderLoad(laptop);
    expect(ran.stdout, ran.stderr).toBe('visits revision 4\n');
    expect(bad).toEqual([]);
    await shows(laptop, /^200 hello from the new web visits: \d{2,}$/);
    expect(await mustShip(laptop, 'rollback')).toBe('visits revision 5 (rollback to 3)\n');
    await shows(laptop, /^200 hello from web visits: \d+$/);
    expect(visitsOf(await page(laptop))).toBeGreaterThan(before);
  });

  it('goes to a second cluster with a registry of its own, beside the first one', async () => {
    expect(await mustShip(other)).toBe('visits revision 1\n');
    await shows(other, /^200 hello from the new web visits: \d+$/);
    change('hello from the new', 'hello from a newer');
    expect(await mustShip(other)).toBe('visits revision 2\n');
    await shows(other, /^200 hello from a newer web visits: \d+$/);
    expect(await mustShip(other, 'rollback')).toBe('visits revision 3 (rollback to 1)\n');
    await shows(other, /^200 hello from the new web visits: \d+$/);
    await shows(laptop, /^200 hello from web visits: \d{2,}$/);
    const images = JSON.parse(await other.timonel('registry', 'ls', '-o', 'json')) as { repository: string }[];
    expect(images.filter(({ repository }) => repository === 'visits/web' || repository === 'web')).toHaveLength(2);
  });
});
