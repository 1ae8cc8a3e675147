import { describe, expect, it } from 'vitest';
import { cronTabDefinition } from '../../../test/support/custom-resources.ts';
import type { CustomVersion } from '../kind.ts';
import type { AnyObject } from '../object.ts';
import { customKinds } from './custom-kind.ts';

const custom = customKinds(cronTabDefinition())[0]?.version.custom as CustomVersion;
const cronTab = (spec: object): AnyObject => ({ apiVersion: 'x/v1', kind: 'CronTab', metadata: { name: 'a' }, spec });
const decoded = (spec: object): object => custom.decode(cronTab(spec), 'Warn');
const messages = (spec: object, old?: object): string[] =>
  custom
    .validate(cronTab({ cronSpec: 'a', ...spec }), old && cronTab({ cronSpec: 'a', ...old }))
    .map(({ field, message }) => `${field}: ${message}`);

describe('an object of a custom kind', () => {
  it('loses what its schema does not know, but for what it preserves', () => {
    expect(decoded({ cronSpec: 'a', x: 1, free: { y: { z: 1 } }, steps: [{ name: 'a', w: 1 }], mode: null })).toEqual({
      object: cronTab({ cronSpec: 'a', free: { y: { z: 1 } }, steps: [{ name: 'a', run: 'true' }], replicas: 1 }),
      problems: ['unknown field "spec.x"', 'unknown field "spec.steps[0].w"'],
    });
  });

  it('keeps type and metadata of an object in it, and nothing unknown in that metadata', () => {
    const template = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', nosuch: 1 }, spec: { a: 1 } };
    expect(decoded({ template })).toEqual({
      object: cronTab({
        replicas: 1,
        template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { a: 1 } },
      }),
      problems: ['unknown field "spec.template.metadata.nosuch"'],
    });
    expect(messages({ template: {} })).toEqual([
      'spec.template.apiVersion: Required value: must not be empty',
      'spec.template.kind: Required value: must not be empty',
      expect.stringContaining('some validation rules were not checked'),
    ]);
  });

  it('has no item twice in a set or a map', () => {
    expect(messages({ tags: ['a', 'b', 'a'] })).toEqual(['spec.tags[2]: Duplicate value: "a"']);
    expect(messages({ steps: [{ name: 'a' }, { name: 'a' }] })).toEqual([
      'spec.steps[1]: Duplicate value: {"name":"a"}',
    ]);
  });

  it('takes an integer or a string where the schema says so', () => {
    expect(messages({ port: 80 })).toEqual([]);
    expect(messages({ port: 'http' })).toEqual([]);
    expect(messages({ port: true })[0]).toContain('must be of type integer,string: "boolean"');
  });

  it('may keep on an update what was wrong before', () => {
    expect(messages({ replicas: 20 }, { replicas: 20, mode: 'fast' })).toEqual([]);
    expect(messages({ replicas: 21 }, { replicas: 20 })).toHaveLength(1);
  });

  it('takes nothing in another version that a webhook should have converted', () => {
    const definition = cronTabDefinition();
    definition.spec.conversion = { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'] } };
    const [stored, old] = customKinds(definition).map(({ version }) => version);
    const object = { ...cronTab({}), apiVersion: 'stable.example.com/v1' };
    stored?.toStorage?.(object);
    old?.toStorage?.(object);
    const text = 'was not converted to stable.example.com/v1beta1 by the conversion webhook';
    expect(() => old?.fromStorage?.(object)).toThrow(text);
    expect(old?.custom?.validate(object)).toEqual([]);
  });
});
