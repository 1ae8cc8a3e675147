import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '../../src/api/types/core-v1.ts';
import { createCluster, createSimulatedClock, type Cluster } from '../../src/library.ts';
import {
  events,
  persistentVolumeClaims as claims,
  persistentVolumes as volumes,
  pods,
  storageClasses,
} from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

const name = { name: 'data', namespace: 'default' };

function claim(spec: Partial<PersistentVolumeClaim['spec']> = {}): PersistentVolumeClaim {
  return {
    metadata: { ...name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  };
}

function volume(volumeName: string, storage: string, spec: PersistentVolumeSpec = {}): PersistentVolume {
  return {
    metadata: { name: volumeName },
    spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], hostPath: { path: `/data/${volumeName}` }, ...spec },
  };
}

const userOf = (podName: string, claimName = 'data') => ({
  metadata: { name: podName, namespace: 'default' },
  spec: {
    containers: [{ name: 'main', image: 'db', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
  },
});

describe('claims and volumes', () => {
  let world: ControllerWorld;
  beforeEach(async () => {
    world = await startControllerWorld();
    await makeClass('standard', 'Immediate');
  });
  afterEach(async () => {
    await world.stop();
    expect(world.warnings).toEqual([]);
  });

  const makeClass = (className: string, volumeBindingMode: string, reclaimPolicy = 'Delete') =>
    world.client.create(storageClasses, {
      metadata: { name: className },
      ...{ provisioner: 'timonel.dev/local', volumeBindingMode, reclaimPolicy, allowVolumeExpansion: true },
    });
  const current = () => world.client.get(claims, name);
  const phaseIs = (phase: string) => async () => (await current()).status?.phase === phase;
  const volumePhase = async (volumeName: string) =>
    (await world.list(volumes)).find(({ metadata }) => metadata.name === volumeName)?.status?.phase;
  const told = async () => (await world.list(events)).map(({ reason, message }) => `${reason}: ${message}`);

  it('makes a volume for a claim, and removes it with the claim', async () => {
    await world.client.create(claims, claim({ storageClassName: 'standard' }));
    await world.until('bound', phaseIs('Bound'));
    const bound = await current();
    const volumeName = `pvc-${bound.metadata.uid}`;
    expect(bound).toMatchObject({
      metadata: {
        annotations: { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' },
      },
      spec: { volumeName },
      status: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } },
    });
    const made = await world.client.get(volumes, { name: volumeName });
    expect(made.spec).toMatchObject({
      hostPath: { path: `/volumes/${volumeName}` },
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { ...name, uid: bound.metadata.uid },
    });
    expect([...world.directories]).toEqual([`/volumes/${volumeName}`]);
    expect(await told()).toContain(`ProvisioningSucceeded: Successfully provisioned volume ${volumeName}`);
    await world.client.delete(claims, name);
    await world.until('nothing left', async () => (await world.list(volumes)).length === 0);
    expect([[...world.directories], await world.list(claims)]).toEqual([[], []]);
  });

  it('keeps the volume where the class says so', async () => {
    await makeClass('kept', 'Immediate', 'Retain');
    await world.client.create(claims, claim({ storageClassName: 'kept' }));
    await world.until('bound', phaseIs('Bound'));
    const volumeName = (await current()).spec?.volumeName ?? '';
    await world.client.delete(claims, name);
    await world.until('released', async () => (await volumePhase(volumeName)) === 'Released');
    await world.client.delete(volumes, { name: volumeName });
    await world.until('gone', async () => (await world.list(volumes)).length === 0);
    expect(world.directories.size).toBe(1);
  });

  it('chooses of the volumes that fit the smallest, and waits when there is none', async () => {
    await world.client.create(claims, claim({ storageClassName: '' }));
    await world.clock.advance(100);
    expect((await current()).status?.phase).toBe('Pending');
    const none = 'FailedBinding: no persistent volumes available for this claim and no storage class is set';
    expect(await told()).toContain(none);
    const extra = { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] };
    for (const [volumeName, size, spec] of [
      ['small', '500Mi', {}],
      ['large', '10Gi', {}],
      ['fits', '2Gi', {}],
      ['many', '1Gi', extra],
      ['classy', '1Gi', { storageClassName: 'x' }],
    ] as const) {
      await world.client.create(volumes, volume(volumeName, size, spec));
    }
    await world.until('bound', phaseIs('Bound'));
    expect((await current()).spec?.volumeName).toBe('fits');
    expect(await volumePhase('large')).toBe('Available');
  });

  it('binds what names each other, and says why it cannot', async () => {
    await world.client.create(volumes, volume('chosen', '500Mi', { storageClassName: 'slow' }));
    await world.client.create(claims, claim({ storageClassName: 'slow', volumeName: 'chosen' }));
    const text = 'VolumeMismatch: Cannot bind to requested volume "chosen": requested PV is too small';
    await world.until('a word', async () => (await told()).includes(text));
    await world.client.delete(claims, name);
    await world.until('gone', async () => (await world.list(claims)).length === 0);
    const claimRef = { ...name };
    await world.client.create(volumes, volume('kept-for-it', '5Gi', { claimRef, storageClassName: 'slow' }));
    await world.client.create(volumes, volume('free', '1Gi', { storageClassName: 'slow' }));
    await world.client.create(claims, claim({ storageClassName: 'slow' }));
    await world.until('bound', phaseIs('Bound'));
    expect((await current()).spec?.volumeName).toBe('kept-for-it');
  });

  it('loses a claim whose volume was taken away', async () => {
    await world.client.create(volumes, volume('only', '1Gi'));
    await world.client.create(claims, claim({ storageClassName: '' }));
    await world.until('bound', phaseIs('Bound'));
    await world.client.delete(volumes, { name: 'only' });
    await world.clock.advance(200);
    expect(await volumePhase('only')).toBe('Bound');
    const finalizers = null;
    await world.client.patch(volumes, { name: 'only' }, { kind: 'merge', document: { metadata: { finalizers } } });
    await world.until('lost', phaseIs('Lost'));
    const text = 'ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!';
    await world.until('told', async () => (await told()).includes(text));
  });

  it('keeps a claim that is being deleted while a pod uses it', async () => {
    await world.client.create(claims, claim({ storageClassName: 'standard' }));
    await world.client.create(pods, userOf('db'));
    await world.until('a node', async () => (await world.list(pods))[0]?.spec?.nodeName !== undefined);
    await world.client.delete(claims, name);
    await world.clock.advance(1_000);
    expect((await current()).metadata.deletionTimestamp).toBeDefined();
    await world.client.delete(pods, { name: 'db', namespace: 'default' });
    await world.until('gone', async () => (await world.list(claims)).length === 0);
  });

  it('gives a claim without a class the default one that comes later', async () => {
    await world.client.create(claims, claim());
    await world.clock.advance(100);
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await world.client.patch(
      storageClasses,
      { name: 'standard' },
      { kind: 'merge', document: { metadata: { annotations } } },
    );
    await world.until('bound', phaseIs('Bound'));
    expect((await current()).spec?.storageClassName).toBe('standard');
  });

  it('makes the claims of ephemeral volumes, which go with their pod', async () => {
    const { spec } = claim({ storageClassName: 'standard' });
    const ephemeral = { volumeClaimTemplate: { spec: spec ?? {} } };
    const pod = userOf('db');
    await world.client.create(pods, { ...pod, spec: { ...pod.spec, volumes: [{ name: 'data', ephemeral }] } });
    await world.until('the claim', async () => (await world.list(claims))[0]?.status?.phase === 'Bound');
    const [made] = await world.list(claims);
    expect(made?.metadata).toMatchObject({
      name: 'db-data',
      ownerReferences: [{ kind: 'Pod', name: 'db', controller: true }],
    });
    await world.client.delete(pods, { name: 'db', namespace: 'default' });
    await world.until('nothing left', async () => (await world.list(volumes)).length === 0, 30_000);
  });

  it('grows', async () => {
    await world.client.create(claims, claim({ storageClassName: 'standard' }));
    await world.until('bound', phaseIs('Bound'));
    const resize = (storage: string) =>
      world.client.patch(claims, name, { kind: 'merge', document: { spec: { resources: { requests: { storage } } } } });
    await resize('3Gi');
    await world.until('grown', async () => (await current()).status?.capacity?.storage === '3Gi');
    await expect(resize('2Gi')).rejects.toThrow('field can not be less than status.capacity');
  });
});

describe('pods with claims', () => {
  let cluster: Cluster;
  const clock = createSimulatedClock();
  beforeEach(async () => {
    cluster = await createCluster({ nodes: 2, clock, seed: 1 });
    const waits = { provisioner: 'timonel.dev/local', volumeBindingMode: 'WaitForFirstConsumer' };
    await cluster.client.create(storageClasses, { metadata: { name: 'waits' }, ...waits });
  });
  afterEach(() => cluster.stop());

  const phaseOf = async (podName: string) =>
    (await cluster.client.get(pods, { name: podName, namespace: 'default' })).status?.phase;
  const whyNot = async (podName: string) => {
    const { status } = await cluster.client.get(pods, { name: podName, namespace: 'default' });
    return status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
  };
  const hopeless = 'preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.';

  it('run with the default class, and with one that waits for them', async () => {
    await cluster.client.create(claims, claim());
    await cluster.client.create(claims, {
      ...claim({ storageClassName: 'waits' }),
      metadata: { ...name, name: 'late' },
    });
    await clock.advance(1_000);
    const late = () => cluster.client.get(claims, { ...name, name: 'late' });
    expect((await late()).status?.phase).toBe('Pending');
    await cluster.client.create(pods, userOf('now'));
    await cluster.client.create(pods, userOf('later', 'late'));
    await clock.advance(5_000);
    expect([await phaseOf('now'), await phaseOf('later')]).toEqual(['Running', 'Running']);
    expect((await late()).metadata.annotations?.['volume.kubernetes.io/selected-node']).toMatch(/^node-/);
  });

  it('are told what is missing, and start when it comes', async () => {
    await cluster.client.create(pods, userOf('db'));
    await clock.advance(1_000);
    expect(await whyNot('db')).toBe(`0/2 nodes are available: persistentvolumeclaim "data" not found. ${hopeless}`);
    await cluster.client.create(claims, claim({ storageClassName: '' }));
    await clock.advance(3_000);
    const unbound = 'pod has unbound immediate PersistentVolumeClaims';
    expect(await whyNot('db')).toBe(`0/2 nodes are available: ${unbound}. ${hopeless}`);
    await cluster.client.create(volumes, volume('made', '1Gi'));
    await clock.advance(15_000);
    expect(await phaseOf('db')).toBe('Running');
  });

  it('go where their volume is', async () => {
    const here = { key: 'kubernetes.io/hostname', operator: 'In', values: ['node-2'] };
    const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } };
    const waits = { storageClassName: 'local', nodeAffinity, local: { path: '/mnt/disk' }, hostPath: undefined };
    const local = { provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' };
    await cluster.client.create(storageClasses, { metadata: { name: 'local' }, ...local });
    await cluster.client.create(
      volumes,
      JSON.parse(JSON.stringify(volume('disk', '1Gi', waits as never))) as PersistentVolume,
    );
    await cluster.client.create(claims, claim({ storageClassName: 'local' }));
    await clock.advance(500);
    await cluster.client.create(pods, userOf('db'));
    await clock.advance(5_000);
    const { spec, status } = await cluster.client.get(pods, { name: 'db', namespace: 'default' });
    expect([spec?.nodeName, status?.phase]).toEqual(['node-2', 'Running']);
    const elsewhere = {
      ...userOf('other'),
      spec: { ...userOf('other').spec, nodeSelector: { 'kubernetes.io/hostname': 'node-1' } },
    };
    await cluster.client.create(pods, elsewhere);
    await clock.advance(1_000);
    expect(await whyNot('other')).toContain("1 node(s) didn't match PersistentVolume's node affinity");
  });

  it('share a claim unless it is for one pod only', async () => {
    await cluster.client.create(claims, claim({ accessModes: ['ReadWriteOncePod'] }));
    await cluster.client.create(pods, userOf('first'));
    await clock.advance(3_000);
    await cluster.client.create(pods, userOf('second'));
    await clock.advance(1_000);
    const why = '2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
    expect(await whyNot('second')).toContain(why);
    await cluster.client.delete(pods, { name: 'first', namespace: 'default' });
    await clock.advance(20_000);
    expect(await phaseOf('second')).toBe('Running');
  });
});
