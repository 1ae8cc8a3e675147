import { describe, expect, it } from 'vitest';
import { type FileObjects, mountChanges, type MountFlags } from './service-mounts.ts';
import type { StackService } from './stacks.ts';

const projected = (...sources: object[]): object => ({ projected: { sources } });
const secret = (name: string, key: string, path = key, mode = 0o444): object => {
  return { secret: { name, items: [{ key, path, mode }] } };
};
const config = (name: string, key: string, path = key): object => {
  return { configMap: { name, items: [{ key, path, mode: 0o444 }] } };
};
const pod = {
  volumes: [
    { name: 'volume-1', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'secrets', ...projected(secret('key-secret', 'key')) },
    { name: 'file-1', ...projected(config('conf-config', 'conf')) },
  ],
  containers: [
    {
      name: 'web',
      volumeMounts: [
        { name: 'volume-1', mountPath: '/data' },
        { name: 'secrets', mountPath: '/run/secrets', readOnly: true },
        { name: 'file-1', mountPath: '/conf', subPath: 'conf', readOnly: true },
      ],
    },
  ],
};
const service: StackService = {
  ...{ stack: 's', service: 'web', namespace: 's', name: 'web', mode: 'replicated', image: 'web:1', id: '1' },
  ...{ running: 1, wanted: 2, deployment: undefined, template: { spec: pod } },
};
const objects: FileObjects = {
  secrets: new Map([
    ['key-secret', ['key']],
    ['outside', ['pass']],
  ]),
  configs: new Map([['conf-config', ['conf']]]),
};
const changes = (flags: MountFlags): ReturnType<typeof mountChanges> => mountChanges(service, flags, objects);

describe('mounts of a service', () => {
  it('come with the claims of their volumes', () => {
    const {
      pod: ofPod,
      container,
      claims,
    } = changes({
      mountAdd: ['type=volume,src=s_logs,dst=/logs/,readonly', 'type=tmpfs,target=/tmp,tmpfs-size=1m', 'target=/x'],
    });
    const [logs, temporary, anonymous] = ofPod['volumes'] as { name: string }[];
    expect([logs, temporary, anonymous]).toEqual([
      { name: expect.any(String), persistentVolumeClaim: { claimName: 'logs' } },
      { name: expect.any(String), emptyDir: { medium: 'Memory', sizeLimit: '1048576' } },
      { name: expect.any(String), emptyDir: {} },
    ]);
    expect(container).toEqual({
      volumeMounts: [
        { mountPath: '/logs', readOnly: true, name: logs?.name },
        { mountPath: '/tmp', name: temporary?.name },
        { mountPath: '/x', name: anonymous?.name },
      ],
    });
    expect(claims).toMatchObject([
      { metadata: { name: 'logs', namespace: 's' }, spec: { accessModes: ['ReadWriteMany'] } },
    ]);
  });

  it('go by their path, with a volume that nobody else mounts, and are replaced where they are', () => {
    const gone = { name: 'volume-1', $patch: 'delete' };
    expect(changes({ mountRm: ['/data/'] })).toEqual({
      pod: { volumes: [gone] },
      container: { volumeMounts: [{ mountPath: '/data', $patch: 'delete' }] },
      claims: [],
    });
    const { pod: ofPod, container } = changes({ mountAdd: ['type=bind,source=/srv,target=/data'] });
    const added = { name: expect.any(String) as string, hostPath: { path: '/srv' } };
    expect(ofPod).toEqual({ volumes: [added, gone] });
    const cleared = { readOnly: null, subPath: null, subPathExpr: null, mountPropagation: null };
    expect(container).toEqual({ volumeMounts: [{ ...cleared, mountPath: '/data', name: expect.any(String) }] });
    expect(changes({})).toEqual({ pod: {}, container: {}, claims: [] });
  });

  it('of secrets are one directory', () => {
    const sources = [secret('key-secret', 'key'), secret('outside', 'pass', 'outside', 0o400)];
    expect(changes({ secretAdd: ['source=outside,mode=0400'] })).toEqual({
      pod: { volumes: [{ name: 'secrets', projected: { sources } }] },
      container: {},
      claims: [],
    });
    expect(changes({ secretRm: ['s_key'] }).pod).toEqual({ volumes: [{ name: 'secrets', $patch: 'delete' }] });
    const swapped = changes({ secretRm: ['key'], secretAdd: ['source=outside,target=key'] });
    expect(swapped.pod).toEqual({ volumes: [{ name: 'secrets', ...projected(secret('outside', 'pass', 'key')) }] });
    expect(swapped.container).toEqual({});
    const bare = { ...service, template: { spec: { containers: [{ name: 'web' }] } } };
    const first = mountChanges(bare, { secretAdd: ['key', 'outside'] }, objects);
    expect(first.pod['volumes']).toMatchObject([
      projected(secret('key-secret', 'key'), secret('outside', 'pass', 'outside')),
    ]);
    expect(first.container['volumeMounts']).toMatchObject([{ mountPath: '/run/secrets', readOnly: true }]);
  });

  it('of configs are one for each', () => {
    expect(changes({ configRm: ['conf'] })).toMatchObject({
      pod: { volumes: [{ name: 'file-1', $patch: 'delete' }] },
      container: { volumeMounts: [{ mountPath: '/conf', $patch: 'delete' }] },
    });
    expect(changes({ configAdd: ['source=conf,target=/etc/web.conf'] })).toMatchObject({
      pod: { volumes: [projected(config('conf-config', 'conf', 'web.conf'))] },
      container: { volumeMounts: [{ mountPath: '/etc/web.conf', subPath: 'web.conf', readOnly: true }] },
    });
  });

  it.each<[MountFlags, string]>([
    [{ mountAdd: ['type=bind,target=/x'] }, 'type is bind, source is required'],
    [{ mountAdd: ['type=volume,source=x'] }, 'target is required'],
    [{ mountAdd: ['type=tmpfs,source=x,target=/x'] }, 'cannot specify source for tmpfs'],
    [{ mountAdd: ['target=x'] }, 'must be an absolute path: x'],
    [{ mountAdd: ['type=npipe,target=/x'] }, 'invalid mount type npipe'],
    [{ mountAdd: ['target=/x,volume-driver=y'] }, 'have no field volume-driver here'],
    [{ mountAdd: ['target=/x,"a'] }, 'bare " in non-quoted field'],
    [{ secretAdd: ['nope'] }, 'secret not found: nope'],
    [{ configRm: ['nope'] }, 'config not found: nope'],
    [{ secretAdd: ['source=key,uid=5'] }, 'files of pods have no uid'],
    [{ secretAdd: ['source=key,mode=9'] }, 'invalid mode specified: 9'],
  ])('%j are none', (flags, why) => {
    expect(() => changes(flags)).toThrow(why);
  });
});
