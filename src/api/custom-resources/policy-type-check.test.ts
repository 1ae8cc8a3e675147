import { describe, expect, it } from 'vitest';
import type { ValidatingAdmissionPolicySpec } from '../types/admissionregistration-v1.ts';
import { checkPolicyTypes, type ServedType } from './policy-type-check.ts';
import { structuralSchema } from './structural-schema.ts';

const deployment: ServedType = {
  ...{ group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments' },
  type: 'io.k8s.api.apps.v1.Deployment',
};
const configMap: ServedType = {
  ...{ group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  type: 'io.k8s.api.core.v1.ConfigMap',
};
const cronTab: ServedType = {
  ...{
    group: 'stable.example',
    version: 'v1',
    kind: 'CronTab',
    plural: 'crontabs',
    type: 'stable-7.example.v1.CronTab',
  },
  schema: structuralSchema({
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          replicas: { type: 'integer' },
          'cron-spec': { type: 'string' },
          port: { 'x-kubernetes-int-or-string': true },
          jobs: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
    },
  }),
};

function warnings(
  expression: string,
  { of = deployment, ...more }: Partial<ValidatingAdmissionPolicySpec> & { of?: ServedType } = {},
): string[] {
  const rule = { apiGroups: [of.group], apiVersions: [of.version], resources: [of.plural] };
  const spec = { matchConstraints: { resourceRules: [rule] }, validations: [{ expression }], ...more };
  return checkPolicyTypes({ metadata: {}, spec }, [deployment, configMap, cronTab]).map(({ warning }) => warning);
}

describe('checkPolicyTypes', () => {
  it('knows the fields of built-in kinds', () => {
    for (const fine of [
      'object.spec.replicas > 1',
      'object.metadata.namespace == "a" && object.metadata.__namespace__ == "a"',
      'oldObject == null || oldObject.spec == object.spec',
      'has(object.spec.template.spec.hostNetwork) && object.spec.template.spec.hostNetwork',
      'object.spec.template.spec.containers.all(c, c.image.startsWith("a/") && c.ports.exists(p, p.containerPort > 1))',
      'object.metadata.labels[?"app"].orValue("") != "x"',
      '"a" in object.spec.selector.matchLabels',
      'object.spec.strategy.rollingUpdate.maxSurge == "25%" || object.spec.strategy.rollingUpdate.maxSurge == 1',
      'object.metadata.creationTimestamp < timestamp("2026-01-01T00:00:00Z")',
      'request.userInfo.username != "x" && authorizer.group("").resource("pods").check("get").allowed()',
      'object.spec.replicas <= int(params.data["max"])',
    ]) {
      expect(warnings(fine)).toEqual([]);
    }
    expect(warnings("object.spec.replicas > '1'")).toEqual([
      "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n" +
        " | object.spec.replicas > '1'\n | .....................^\n",
    ]);
    expect(warnings('true &&\n object.spec.replica > 1')).toEqual([
      "apps/v1, Kind=Deployment: ERROR: <input>:2:13: undefined field 'replica'\n" +
        ' |  object.spec.replica > 1\n | ............^\n',
    ]);
  });

  it('checks messages, and variables by what they come to', () => {
    const validations = [{ expression: 'true', messageExpression: "'got ' + object.spec.replicas" }];
    expect(warnings('', { validations })).toEqual([
      expect.stringContaining("found no matching overload for '_+_' applied to '(string, int)'"),
    ]);
    const variables = [
      { name: 'replicas', expression: 'object.spec.replicas' },
      { name: 'odd', expression: 'variables.replicas % 2 == 1' },
      { name: 'wrong', expression: 'variables.replicas + "a"' },
    ];
    expect(warnings('variables.odd && variables.replicas > 1 && variables.wrong == 3', { variables })).toEqual([]);
    expect(warnings('variables.odd > 1', { variables })).toEqual([expect.stringContaining("'(bool, int)'")]);
    expect(warnings('variables.none == 1', { variables })).toEqual([expect.stringContaining("undefined field 'none'")]);
  });

  it('knows the schema of custom resources, and that of parameters', () => {
    expect(warnings('object.spec.replicas > 1 && object.spec.port == "a"', { of: cronTab })).toEqual([]);
    expect(
      warnings('object.spec.jobs.all(j, j.name != "") && object.spec.cron__dash__spec == ""', { of: cronTab }),
    ).toEqual([]);
    expect(warnings('object.metadata.name > 1', { of: cronTab })).toEqual([expect.stringContaining("'(string, int)'")]);
    expect(warnings('object.spec.maxRetries < 10', { of: cronTab })).toEqual([
      expect.stringContaining("stable.example/v1, Kind=CronTab: ERROR: <input>:1:12: undefined field 'maxRetries'"),
    ]);
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    expect(warnings('params.data["a"] == 1', { paramKind })).toEqual([expect.stringContaining("'(string, int)'")]);
  });

  it('looks at each kind that is named, and at none behind a wildcard', () => {
    const expression = 'object.spec.replicas.x';
    const of = (apiGroups: string[], resources: string[]): string[] =>
      warnings(expression, {
        matchConstraints: { resourceRules: [{ apiGroups, apiVersions: ['v1'], resources }] },
      });
    expect(of(['stable.example', 'apps'], ['crontabs', 'deployments', 'deployments/scale', '*'])).toEqual([
      expect.stringMatching(/^apps\/v1, Kind=Deployment: [^]*\n\nstable\.example\/v1, Kind=CronTab: [^]*\n$/),
    ]);
    expect(of(['*'], ['deployments'])).toEqual([]);
    expect(of(['batch'], ['jobs'])).toEqual([]);
  });
});
