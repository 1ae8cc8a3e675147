import { describe, expect, it } from 'vitest';
import type { ContainerSettings } from '../api/container-settings.ts';
import { changedSpec, userOf } from './oci-spec.ts';

const made = {
  ociVersion: '1.0.2',
  process: {
    args: ['x'],
    user: { uid: 0, additionalGids: [10] },
    rlimits: [{ type: 'RLIMIT_CORE', soft: 1, hard: 2 }],
  },
  linux: { resources: { cpu: { shares: 2 } }, maskedPaths: [] },
};

function changed(settings: ContainerSettings, gids: number[] = []): string {
  return changedSpec(JSON.stringify(made), { settings, gids, deviceOf: () => ({ major: 8, minor: 1 }) });
}

describe('the specification of a container', () => {
  it('stays as it is where nothing is said', () => {
    expect(JSON.parse(changed({}))).toEqual({ ...made, linux: { ...made.linux, resources: made.linux.resources } });
  });

  it('gets limits, none of them as large as there are', () => {
    const text = changed({ ulimits: { memlock: { soft: -1, hard: -1 }, core: { soft: 0, hard: 5 } } });
    expect(text).toContain('{"type":"RLIMIT_CORE","soft":0,"hard":5}');
    expect(text).toContain('{"type":"RLIMIT_MEMLOCK","soft":18446744073709551615,"hard":18446744073709551615}');
  });

  it('keeps limits that are larger than JavaScript’s numbers', () => {
    const limit = { type: 'RLIMIT_CORE', soft: 18446744073709551615n, hard: 18446744073709551615n };
    const text = `{"process":{"rlimits":[{"type":"${limit.type}","soft":${limit.soft},"hard":${limit.hard}}]}}`;
    const rewritten = changedSpec(text, { settings: {}, gids: [], deviceOf: () => ({ major: 0, minor: 0 }) });
    expect(rewritten).toContain(`"soft":${limit.soft},"hard":${limit.hard}`);
  });

  it('gets groups, processors, processes, and rates of devices', () => {
    const settings: ContainerSettings = {
      pidsLimit: 9,
      cpuset: '0',
      oomScoreAdj: -500,
      deviceRates: { read_bps: [{ path: '/dev/sda1', rate: 1024 }] },
    };
    expect(JSON.parse(changed(settings, [27]))).toMatchObject({
      process: { oomScoreAdj: 0, user: { uid: 0, additionalGids: [10, 27] } },
      linux: {
        resources: {
          cpu: { shares: 2, cpus: '0' },
          pids: { limit: 9 },
          blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 1, rate: 1024 }] },
        },
      },
    });
  });

  it('has no groups but those that are named, when it is to be strict', () => {
    const deviceOf = () => ({ major: 0, minor: 0 });
    const groups = (strictGroups: number[] | undefined): unknown => {
      const spec = changedSpec(JSON.stringify(made), { settings: {}, gids: [], strictGroups, deviceOf });
      return (JSON.parse(spec) as typeof made).process.user.additionalGids;
    };
    expect([groups(undefined), groups([2000]), groups([])]).toEqual([[10], [2000], []]);
  });

  it('says whom its process runs as, with the group that it has first', () => {
    const user = (of: object): unknown => userOf(JSON.stringify({ process: { user: of } }));
    expect(user({ uid: 1000, gid: 3000, additionalGids: [4000, 3000] })).toEqual({
      ...{ uid: 1000, gid: 3000, groups: [3000, 4000] },
    });
    expect([user({}), userOf('{}')]).toEqual([{ uid: 0, gid: 0, groups: [0] }, undefined]);
  });

  it('has the namespaces of another container, and what is seen of them in files', () => {
    const mount = (destination: string, source: string): object => ({ destination, source, type: 'bind' });
    const own = {
      hostname: 'web',
      process: { env: ['PATH=/bin', 'HOSTNAME=web', 'A=b'] },
      mounts: [mount('/etc/hosts', '/own'), mount('/data', '/own'), mount('/dev/shm', '/own')],
      linux: { namespaces: [{ type: 'pid' }, { type: 'network', path: '/proc/1/ns/net' }, { type: 'mount' }] },
    };
    const spec = JSON.stringify({
      process: { env: ['HOSTNAME=vpn'] },
      mounts: [mount('/etc/hosts', '/vpn'), mount('/data', '/vpn'), mount('/dev/shm', '/vpn')],
    });
    const joined = (kinds: readonly ('network' | 'pid' | 'ipc')[]): unknown => {
      const joins = Object.fromEntries(kinds.map((kind) => [kind, { pid: 42, spec }]));
      const deviceOf = (): { major: number; minor: number } => ({ major: 0, minor: 0 });
      return JSON.parse(changedSpec(JSON.stringify(own), { settings: {}, gids: [], deviceOf, joins }));
    };
    expect(joined(['network'])).toMatchObject({
      process: { env: ['PATH=/bin', 'HOSTNAME=vpn', 'A=b'] },
      mounts: [mount('/etc/hosts', '/vpn'), mount('/data', '/own'), mount('/dev/shm', '/own')],
      linux: {
        namespaces: [
          { type: 'pid' },
          { type: 'mount' },
          { type: 'network', path: '/proc/42/ns/net' },
          { type: 'uts', path: '/proc/42/ns/uts' },
        ],
      },
    });
    expect(joined(['network'])).not.toHaveProperty('hostname');
    expect(joined(['pid', 'ipc'])).toMatchObject({
      hostname: 'web',
      process: { env: own.process.env },
      mounts: [mount('/etc/hosts', '/own'), mount('/data', '/own'), mount('/dev/shm', '/vpn')],
      linux: {
        namespaces: [
          { type: 'network', path: '/proc/1/ns/net' },
          { type: 'mount' },
          { type: 'pid', path: '/proc/42/ns/pid' },
          { type: 'ipc', path: '/proc/42/ns/ipc' },
        ],
      },
    });
  });
});
