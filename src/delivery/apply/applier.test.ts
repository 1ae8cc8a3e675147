import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { ApiError } from '../../api/status.ts';
import { configMaps, deployments, secrets } from '../../client/resources.ts';
import { applyObject, applySet, describeApplyFailure, removeObject, type ApplyContext } from './applier.ts';
import { parseManifests } from './manifests.ts';
import { createResourceMapper } from './resource-mapper.ts';

let api: TestApiServer;
let context: ApplyContext;
beforeEach(async () => {
  api = await startTestApiServer();
  const { client, clock } = api;
  context = { client, clock, mapper: createResourceMapper(client), namespace: 'default' };
});
afterEach(() => api.close());

const objects = (text: string): KubeObject[] => parseManifests(text, 'test.yaml').map(({ object }) => object);
const web = (image: string, more = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {team: a}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "${image}"}
${more}`;
const map = (name: string, labels = ''): string =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}${labels}}, data: {a: b}}`;
const done = (applied: { action: string; name: { name: string } }[]): string[] =>
  applied.map(({ action, name }) => `${name.name} ${action}`);

describe('applying a set', () => {
  it('creates, configures, and says so when nothing is to change', async () => {
    expect(done(await applySet(context, objects(`${web('web:1')}---\n${map('settings')}`)))).toEqual([
      'settings created',
      'web created',
    ]);
    expect(done(await applySet(context, objects(`${web('web:2')}---\n${map('settings')}`)))).toEqual([
      'settings unchanged',
      'web configured',
    ]);
  });

  it('takes back what it applied itself, and leaves what others set', async () => {
    const sidecar = `      - {name: sidecar, image: "s:1"}\n`;
    await applySet(context, objects(web('web:1', sidecar)));
    const name = { name: 'web', namespace: 'default' };
    await context.client.patch(deployments, name, { kind: 'merge', document: { spec: { replicas: 5 } } });
    await applySet(context, objects(web('web:1')));
    const { spec } = await context.client.get(deployments, name);
    expect(spec?.replicas).toBe(5);
    expect(spec?.template?.spec?.containers.map((container) => container.name)).toEqual(['web']);
  });

  it('prunes by what was there, or by label', async () => {
    const both = objects(`${map('one', ', labels: {app: x}')}\n---\n${map('two', ', labels: {app: x}')}`);
    await applySet(context, both);
    expect(done(await applySet(context, both.slice(0, 1), { prune: { objects: both } }))).toEqual([
      'one unchanged',
      'two deleted',
    ]);
    await applySet(context, both);
    expect(done(await applySet(context, both.slice(1), { prune: { labelSelector: 'app=x' } }))).toEqual([
      'two unchanged',
      'one deleted',
    ]);
  });

  it('only asks the server in a dry run', async () => {
    const dry = { ...context, dryRun: true };
    expect(done(await applySet(dry, objects(map('settings'))))).toEqual(['settings created']);
    expect((await context.client.list(configMaps, { namespace: 'default' })).items).toEqual([]);
  });

  it('stops at what the server refuses, and tells what was done before', async () => {
    const bad = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: bad}, spec: {replicas: -1}}`;
    const failure = await applySet(context, objects(`${bad}\n---\n${map('settings')}`)).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ name: 'ApplyError', applied: [{ action: 'created', name: { name: 'settings' } }] });
    expect((failure as Error).message).toMatch(/^Deployment bad: .*spec.replicas/);
  });

  it('says which kind nobody serves', async () => {
    await expect(
      applySet(context, objects('{apiVersion: no.such/v1, kind: Thing, metadata: {name: x}}')),
    ).rejects.toThrow('Thing x: no matches for kind "Thing" in version "no.such/v1"');
  });
});

describe('applying one object', () => {
  it('leaves alone what belongs to somebody else', async () => {
    const [object] = objects(map('theirs')) as [KubeObject];
    await applyObject(context, object);
    const checkOwner = (): void => {
      throw new Error('it is theirs');
    };
    await expect(applyObject(context, object, { checkOwner })).rejects.toThrow('it is theirs');
  });

  it('replaces the whole object when told to', async () => {
    const [object] = objects(map('settings')) as [AnyObject];
    await applyObject(context, object);
    await applyObject(context, { ...object, data: { c: 'd' } } as KubeObject, { replace: true });
    const { data } = await context.client.get(configMaps, { name: 'settings', namespace: 'default' });
    expect(data).toEqual({ c: 'd' });
  });

  it('puts objects of clusters in no namespace, others in the one they name', async () => {
    const [namespace, inside] = objects(
      `{apiVersion: v1, kind: Namespace, metadata: {name: shop, namespace: x}}\n---\n${map('m', ', namespace: shop')}`,
    ) as [KubeObject, KubeObject];
    expect((await applyObject(context, namespace)).name).toEqual({ name: 'shop' });
    expect((await applyObject(context, inside)).name).toEqual({ name: 'm', namespace: 'shop' });
  });
});

describe('removing an object', () => {
  it('finds it in the version that is served now, and minds nothing that is gone', async () => {
    await applySet(context, objects(web('web:1')));
    const old = { apiVersion: 'apps/v0', kind: 'Deployment', metadata: { name: 'web' } };
    expect(await removeObject(context, old)).toMatchObject({ action: 'deleted', resource: { group: 'apps' } });
    expect(await removeObject(context, old)).toBeUndefined();
    expect(await removeObject(context, { ...old, kind: 'PodSecurityPolicy' })).toBeUndefined();
  });
});

describe('what is said about a failure', () => {
  it('never quotes a Secret', async () => {
    const [secret] = objects('{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {password: "hunter2!"}}');
    const error = await context.client
      .create(secrets, { ...secret, metadata: { name: 's', namespace: 'default' } })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    const text = describeApplyFailure(secret as KubeObject, error);
    expect(text).toMatch(/^Secret s: the server does not accept it/);
    expect(text).not.toContain('hunter2');
  });
});
