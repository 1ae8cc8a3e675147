import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startAgentWorld, type AgentWorld } from '../../test/support/node-agent.ts';
import type { Container, PersistentVolumeSpec, PodSpec } from '../api/types/core-v1.ts';
import { events, persistentVolumeClaims, persistentVolumes, pods } from '../client/resources.ts';
import { preparation } from './mounts.ts';

const namespace = 'default';
const ext4 = { device: '/dev/sdb', fileSystem: 'ext4', options: [] };
let world: AgentWorld;

beforeEach(async () => {
  world = await startAgentWorld();
  world.system.blockDevices.add('/dev/sdb');
});

afterEach(async () => {
  await world.agent.stop();
  await world.api.close();
});

/** A claim `data` that is bound to a local volume. */
async function bind(path: string, more: Partial<PersistentVolumeSpec> = {}): Promise<void> {
  const accessModes = ['ReadWriteOnce'];
  const values = ['node-1'];
  const term = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values }] };
  const volumeMode = more.volumeMode ?? 'Filesystem';
  await world.client.create(persistentVolumes, {
    metadata: { name: 'disk' },
    spec: {
      ...{ capacity: { storage: '1Gi' }, accessModes, nodeAffinity: { required: { nodeSelectorTerms: [term] } } },
      ...{ volumeMode, ...more, local: { path, ...more.local } },
    },
  });
  const claim = await world.client.create(persistentVolumeClaims, {
    metadata: { name: 'data', namespace },
    spec: { accessModes, volumeMode, volumeName: 'disk', resources: { requests: { storage: '1Gi' } } },
  });
  await world.client.update(
    persistentVolumeClaims,
    { ...claim, status: { phase: 'Bound' } },
    { subresource: 'status' },
  );
}

type Start = Pick<PodSpec, 'securityContext'> & { readOnly?: boolean };

async function start(use: Partial<Container>, { readOnly = false, ...more }: Start = {}): Promise<string> {
  const { metadata } = await world.client.create(pods, {
    metadata: { name: 'a', namespace },
    spec: {
      ...{ nodeName: 'node-1', automountServiceAccountToken: false },
      containers: [{ name: 'app', image: 'app:1', ...use }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data', readOnly } }],
      ...more,
    },
  });
  await world.clock.settle();
  return `/node/pods/${metadata.uid}/volumes/kubernetes.io~local-volume/v`;
}

async function complaints(): Promise<(string | undefined)[]> {
  const { items } = await world.client.list(events, { namespace });
  return items.filter(({ reason }) => reason === 'FailedMount').map(({ message }) => message);
}

const mounted: Partial<Container> = { volumeMounts: [{ name: 'v', mountPath: '/data' }] };
const asDevice: Partial<Container> = { volumeDevices: [{ name: 'v', devicePath: '/dev/data' }] };

it('is mounted from the device that it is, until the pod is gone', async () => {
  const made = vi.spyOn(world.runtime, 'createContainer');
  await bind('/dev/sdb', { mountOptions: ['noatime'] });
  const path = await start(mounted);
  expect([...world.system.mountedDevices]).toEqual([[path, { ...ext4, options: ['noatime'] }]]);
  expect(made.mock.calls[0]?.[1]).toMatchObject({
    mounts: expect.arrayContaining([expect.objectContaining({ hostPath: path, containerPath: '/data' })]) as unknown,
    devices: [],
  });
  await world.client.delete(pods, { namespace, name: 'a' });
  await world.clock.advance(31_000);
  expect(world.system.mountedDevices.size).toBe(0);
});

it('is a directory as it lies there', async () => {
  await bind('/srv/data', { local: { path: '/srv/data', fsType: 'xfs' } });
  await start(mounted);
  expect(world.system.mountedDevices.size).toBe(0);
  expect(await complaints()).toEqual([]);
});

it('is what a link leads to, for the group too', async () => {
  const given = vi.spyOn(world.system.files, 'setGroup');
  world.system.files.lookAt = () => Promise.resolve({ path: '/srv/real', isBlockDevice: false });
  await bind('/srv/link');
  await start(mounted, { securityContext: { fsGroup: 1234 } });
  expect(given.mock.calls).toEqual([['/srv/real', 1234, false]]);
});

it('is given as a device, which may be read only', async () => {
  const made = vi.spyOn(world.runtime, 'createContainer');
  await bind('/dev/sdb', { volumeMode: 'Block' });
  await start(asDevice, { readOnly: true });
  const device = { hostPath: '/dev/sdb', containerPath: '/dev/data', permissions: 'r' };
  expect(made.mock.calls[0]?.[1].devices).toEqual([device]);
  expect(world.system.mountedDevices.size).toBe(0);
});

it('is used in its mode alone', async () => {
  await bind('/dev/sdb', { volumeMode: 'Block' });
  await start(mounted);
  const problem = 'volume v has volumeMode Block, but is specified in volumeMounts';
  expect(await complaints()).toContain(`MountVolume.SetUp failed for volume "v" : ${problem}`);
});

it('is no device where a directory lies', async () => {
  await bind('/srv/data', { volumeMode: 'Block' });
  await start(asDevice);
  expect((await complaints())[0]).toContain('/srv/data is not a block device');
});

it('has to be there', async () => {
  world.system.files.lookAt = () => Promise.resolve(undefined);
  await bind('/srv/none');
  await start(mounted);
  expect((await complaints())[0]).toContain('path "/srv/none" does not exist');
});

it('is formatted once, and looked at before it is mounted again', () => {
  expect(preparation(ext4, '')).toEqual([['mkfs.ext4', '-F', '-m0', '/dev/sdb']]);
  expect(preparation({ ...ext4, fileSystem: '' }, '')).toEqual([['mkfs.ext4', '-F', '-m0', '/dev/sdb']]);
  expect(preparation({ ...ext4, fileSystem: 'xfs' }, '')).toEqual([['mkfs.xfs', '-f', '/dev/sdb']]);
  expect(preparation({ ...ext4, fileSystem: 'btrfs' }, '')).toEqual([['mkfs.btrfs', '/dev/sdb']]);
  expect(preparation(ext4, 'ext4')).toEqual([['fsck', '-a', '/dev/sdb']]);
  expect(preparation({ ...ext4, options: ['ro'] }, 'ext4')).toEqual([]);
  expect(() => preparation({ ...ext4, options: ['ro'] }, '')).toThrow('cannot mount unformatted disk /dev/sdb');
});
