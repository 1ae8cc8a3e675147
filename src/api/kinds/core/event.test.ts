import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { event } from './event.ts';

const core: AnyObject = {
  metadata: { name: 'web.1', namespace: 'default' },
  involvedObject: { kind: 'Pod', namespace: 'default', name: 'web' },
  reason: 'Pulled',
  message: 'Container image is present ',
  type: 'Normal',
  source: { component: 'kubelet', host: 'dev-1' },
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:01:00Z',
  count: 2,
};

const modern = event.versions.find(({ group, version }) => group === 'events.k8s.io' && version === 'v1')!;

describe('events', () => {
  it('print a row', () => {
    const now = Date.parse('2026-01-01T00:02:00Z');
    expect(Object.fromEntries(event.columns!.map(({ name, value }) => [name, value(core, now)]))).toEqual({
      'Last Seen': '60s',
      Type: 'Normal',
      Reason: 'Pulled',
      Object: 'pod/web',
      Subobject: '',
      Source: 'kubelet, dev-1',
      Message: 'Container image is present',
      'First Seen': '2m',
      Count: 2,
      Name: 'web.1',
    });
  });

  it('are the same objects in events.k8s.io, under other names', () => {
    const object = structuredClone(core);
    modern.fromStorage?.(object);
    expect(object).toMatchObject({ regarding: core.involvedObject, note: core.message, deprecatedCount: 2 });
    expect(object).not.toHaveProperty('involvedObject');
    modern.toStorage?.(object);
    expect(object).toEqual(core);
  });

  it('lie in the namespace of what they are about', () => {
    const elsewhere = { ...core, metadata: { name: 'a', namespace: 'other' } };
    expect(event.validate?.(elsewhere)).toMatchObject([{ field: 'involvedObject.namespace' }]);
    const aboutNode = { ...core, involvedObject: { kind: 'Node', name: 'n' } };
    expect(event.validate?.(aboutNode)).toEqual([]);
  });

  it('say who reports what, when they have a precise time', () => {
    const bare = {
      metadata: core.metadata,
      involvedObject: core.involvedObject,
      eventTime: '2026-01-01T00:00:00.000000Z',
    };
    const fields = event.validate?.(bare).map(({ field }) => field);
    expect(fields).toEqual(expect.arrayContaining(['reportingController', 'reportingInstance', 'action', 'reason']));
  });

  it('can be selected by what they are about', () => {
    const { selectableFields = {} } = event;
    expect(selectableFields['involvedObject.name']?.(core)).toBe('web');
    expect(selectableFields.source?.(core)).toBe('kubelet');
  });
});
