import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { seededRandom } from '../../base/random.ts';
import { systemClock } from '../../base/system-clock.ts';
import { configMaps, pods } from '../../client/resources.ts';
import { createResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import { createStorage } from '../../delivery/charts/release/storage.ts';
import { recordsOf, stoppedRecordsOf } from '../../delivery/pipeline/record.ts';
import { CliError } from '../errors.ts';
import { describeFailure } from '../failure.ts';
import { loadShipProject } from './project.ts';
import { shipOnce } from './ship.ts';
import type { ShipTarget } from './target.ts';

let api: TestApiServer;
let directory: string;
let said: string[];
/** Called with everything that is said. */
let onSay: (message: string) => void;
beforeEach(async () => {
  api = await startTestApiServer();
  directory = mkdtempSync(join(tmpdir(), 'ship-'));
  mkdirSync(join(directory, 'k8s'));
  said = [];
  onSay = () => undefined;
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
  await api.close();
});

const settings = (color: string): string =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {color: ${color}}}\n`;
/** Never ready: nobody runs it. */
const workload = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}
`;

async function ship(manifests: string, { verify = '' }: { verify?: string } = {}): Promise<unknown> {
  writeFileSync(join(directory, 'k8s/all.yaml'), manifests);
  const file = join(directory, 'timonel.yaml');
  writeFileSync(file, `name: app\ndeploy: {manifests: [k8s/]}\n${verify}`);
  const { client } = api;
  const abort = new AbortController();
  const say = (message: string): void => {
    said.push(message);
    onSay(message);
  };
  interrupt = () => abort.abort(new CliError('interrupted', { exitCode: 130 }));
  const target = {
    ...{ client, clock: systemClock, random: seededRandom(1), namespace: 'default', say, log: say },
    ...{ contextName: 'test', local: undefined, mapper: createResourceMapper(client) },
    storage: createStorage({ client, clock: systemClock, namespace: 'default', driver: 'secret' }),
    // Its tunnels are for `sync` and `forward`.
  } as unknown as ShipTarget;
  const project = await loadShipProject(file);
  return shipOnce(target, { project, flags: { builder: 'buildah' }, signal: abort.signal }).catch(
    (error: unknown) => error,
  );
}

let interrupt: () => void;
const interruptAt = (start: string): void => {
  onSay = (message) => {
    if (message.startsWith(start)) interrupt();
  };
};
const color = async (): Promise<string | undefined> =>
  (await api.client.get(configMaps, { name: 'settings', namespace: 'default' })).data?.['color'];
const revisions = async (): Promise<string[]> => {
  const storage = createStorage({
    ...{ client: api.client, clock: systemClock, namespace: 'default', driver: 'secret' as const },
  });
  return (await storage.index('app')).map(
    (revision) => `${revision.version} ${revision.status}: ${revision.read().info.description}`,
  );
};

describe('Ctrl-C', () => {
  it('in a rollout goes back to the last good release; the next ship goes on from there', async () => {
    await ship(settings('red'));
    interruptAt('Rolling out');
    expect(await ship(settings('blue') + workload)).toMatchObject({
      ...{ message: 'interrupted', exitCode: 130, hint: 'Rolled back to revision 1, as revision 3.' },
    });
    expect(await color()).toBe('red');
    onSay = () => undefined;
    await ship(settings('green'));
    expect(await color()).toBe('green');
    expect(await revisions()).toEqual([
      '1 superseded: Shipped',
      expect.stringMatching(/^2 failed: .*interrupted$/),
      '3 superseded: Rollback to 1',
      '4 deployed: Shipped',
    ]);
    expect([...(await recordsOf(api.client, 'default', 'app')).keys()]).toEqual([1, 2, 3, 4]);
  });

  it('in a check goes back as well', async () => {
    await ship(settings('red'));
    interruptAt('Rolling out');
    const verify = 'verify: [{service: web, path: /healthz}]\n';
    expect(await ship(settings('blue'), { verify })).toMatchObject({ message: 'interrupted', exitCode: 130 });
    expect(await color()).toBe('red');
  });

  it('of the first release leaves nothing but the record', async () => {
    interruptAt('Rolling out');
    expect(await ship(settings('red') + workload)).toMatchObject({
      ...{ message: 'interrupted', exitCode: 130 },
      hint: 'There was no good release before: what was deployed is removed.',
    });
    await expect(color()).rejects.toMatchObject({ reason: 'NotFound' });
    expect(await revisions()).toEqual([]);
    expect(await stoppedRecordsOf(api.client, 'default', 'app')).toMatchObject([{ reason: 'deploy was interrupted' }]);
  });
});

describe('pods that do not come to run', () => {
  it('say why at once', async () => {
    const at = { name: 'web-1', namespace: 'default' };
    const status = (document: object): Promise<unknown> =>
      api.client.patch(pods, at, { kind: 'merge', document: { status: document } }, { subresource: 'status' });
    const unscheduled = { type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' };
    onSay = (message) => {
      if (message.startsWith('Rolling out'))
        void api.client
          .create(pods, {
            metadata: { ...at, labels: { app: 'web' } },
            spec: { containers: [{ name: 'web', image: 'web' }] },
          })
          .then(() => status({ phase: 'Pending', conditions: [unscheduled] }));
      // Nobody here takes away what is gone back from.
      if (message.endsWith('0/1 nodes are available')) interrupt();
    };
    expect(await ship(settings('red') + workload)).toMatchObject({ message: 'interrupted' });
    expect(said).toContain('web-1: no node takes it: 0/1 nodes are available');
  });
});

describe('secrets', () => {
  const secret = (password: string): string =>
    `---\n{apiVersion: v1, kind: Secret, metadata: {name: login}, stringData: {password: ${password}}}\n`;

  it('are in no diff, error, record or line of what is said, whatever becomes of them', async () => {
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await ship(settings('red') + secret('hunter2-old'));
    interruptAt('Rolling out');
    const error = await ship(settings('blue') + workload + secret('hunter2-new'));
    const records = [...(await recordsOf(api.client, 'default', 'app')).values()];
    const stopped = await stoppedRecordsOf(api.client, 'default', 'app');
    const everything = [...said, ...written.mock.calls.flat().map(String), JSON.stringify([records, stopped])];
    for (const text of [...everything, ...describeFailure(error).lines]) {
      expect(text).not.toMatch(/hunter2|aHVudGVyMi/);
    }
  });

  it('are in no error of a manifest that the server refuses', async () => {
    const wrong = '---\n{apiVersion: v1, kind: Secret, metadata: {name: login}, data: {password: "hunter2!"}}\n';
    const error = await ship(settings('red') + wrong);
    expect(error).toBeInstanceOf(Error);
    expect(describeFailure(error).lines.join('\n')).not.toContain('hunter2');
  });
});
