import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { replicaSet } from '../apps/replica-set.ts';
import { replicationController } from './replication-controller.ts';

function make(spec: object = {}): AnyObject {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web' }] } };
  return { metadata: { name: 'web' }, spec: { template, ...spec } };
}

function messages(found: { field?: string; message?: string }[] | undefined): string[] {
  return (found ?? []).map(({ field, message }) => `${field}: ${message}`);
}

describe('replication controllers', () => {
  it('take selector and labels from the template', () => {
    const object = make();
    replicationController.defaults?.(object);
    expect(object).toMatchObject({
      metadata: { labels: { app: 'web' } },
      spec: { replicas: 1, selector: { app: 'web' } },
    });
    expect(messages(replicationController.validate?.(object))).toEqual([]);
    expect(replicationController.scale?.labelSelector(object)).toBe('app=web');
  });

  it('refuse a selector that misses the template', () => {
    const object = make({ selector: { app: 'other' } });
    replicationController.defaults?.(object);
    expect(messages(replicationController.validate?.(object))).toEqual([
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ]);
  });
});

describe('replica sets', () => {
  it('need a selector that selects something and never changes', () => {
    const empty = make({ selector: {} });
    replicaSet.defaults?.(empty);
    expect(messages(replicaSet.validate?.(empty))[0]).toBe(
      'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
    );
    const old = make({ selector: { matchLabels: { app: 'web' } } });
    const changed = make({ selector: { matchLabels: { app: 'b' } } });
    expect(messages(replicaSet.validateUpdate?.(changed, old, ''))[0]).toContain('field is immutable');
  });

  it("take the template's labels in extensions/v1beta1 only", () => {
    const object = make();
    replicaSet.versions.find(({ group }) => group === 'extensions')?.toStorage?.(object);
    expect(object.spec).toMatchObject({ selector: { matchLabels: { app: 'web' } } });
  });
});
