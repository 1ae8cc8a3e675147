import { describe, expect, it } from 'vitest';
import type { JSONSchemaProps, ValidationRule } from '../types/apiextensions-v1.ts';
import { checkRules, expressionProblem } from './cel-rules.ts';
import { structuralSchema } from './structural-schema.ts';

const properties: Record<string, JSONSchemaProps> = {
  replicas: { type: 'integer' },
  ratio: { type: 'number' },
  name: { type: 'string' },
  'dash-ed': { type: 'string' },
  namespace: { type: 'string' },
  since: { type: 'string', format: 'date-time' },
  wait: { type: 'string', format: 'duration' },
  labels: { type: 'object', additionalProperties: { type: 'string' } },
  list: { type: 'array', items: { type: 'integer' } },
};

const messages = (rule: ValidationRule | string, value: object, old?: object): string[] => {
  const rules = [typeof rule === 'string' ? { rule } : rule];
  const schema = structuralSchema({ type: 'object', properties, 'x-kubernetes-validations': rules });
  return checkRules(value, schema, 'spec', old).map(({ field, message }) => `${field}: ${message}`);
};

const value = {
  replicas: 3,
  ratio: 0.5,
  name: 'web',
  'dash-ed': 'x',
  namespace: 'n',
  since: '2026-01-01T00:00:00Z',
  wait: '90s',
  labels: { 'a.b/c': 'd', constructor: 'e' },
  list: [1, 2, 3],
};

describe('a rule', () => {
  it.each([
    'self.replicas == 3 && self.ratio < 1.0',
    'self.replicas >= 1 ? self.name.startsWith("w") : false',
    'has(self.name) && !has(self.nothing)',
    'self.dash__dash__ed == "x" || self.__dash__ == "y" || true',
    'self.__namespace__ == "n"',
    'self.since < timestamp("2027-01-01T00:00:00Z")',
    'self.wait == duration("1m30s")',
    'self.labels.all(key, key != "x") && self.labels["a.b/c"] == "d"',
    '"constructor" in self.labels && size(self.labels) == 2',
    'self.list.exists(i, i == 2) && self.list.isSorted() && self.list.sum() == 6 && self.list.max() == 3',
    'quantity("1Gi").isGreaterThan(quantity("500Mi")) && isQuantity("2k") && !isQuantity("x")',
    'sets.contains([1, 2, 3], [2]) && !sets.intersects(["a"], ["b"])',
    '"abc-12".find("[0-9]+") == "12" && "a1b2".findAll("[0-9]") == ["1", "2"]',
    '"%s has %d".format([self.name, self.replicas]) == "web has 3"',
    'url("https://a.example:80/x").getHostname() == "a.example" && isURL("/a") && isIP("10.0.0.1") && isCIDR("10.0.0.0/8")',
    '"a,b".split(",").size() == 2 && "aXa".replace("a", "b") == "bXb" && self.name.matches("^w.b$")',
  ])('%s holds', (rule) => expect(messages(rule, value)).toEqual([]));

  it('names entries of maps as items are named', () => {
    const labels: JSONSchemaProps = {
      type: 'object',
      additionalProperties: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == "x"' }] },
    };
    const schema = structuralSchema({ type: 'object', properties: { labels } });
    expect(checkRules({ labels: { a: 'x', b: 'y' } }, schema, 'spec').map(({ field }) => field)).toEqual([
      'spec.labels[b]',
    ]);
  });

  it('says what is wrong in its own words, or in those of its message', () => {
    expect(messages('self.replicas < 3', value)).toEqual([
      'spec: Invalid value: "object": failed rule: self.replicas < 3',
    ]);
    expect(messages({ rule: 'false', message: 'never', fieldPath: '.replicas' }, value)).toEqual([
      'spec.replicas: Invalid value: "object": never',
    ]);
    expect(messages({ rule: 'false', messageExpression: '"not " + self.name' }, value)).toEqual([
      'spec: Invalid value: "object": not web',
    ]);
    expect(messages({ rule: 'false', reason: 'FieldValueForbidden', message: 'no' }, value)).toEqual([
      'spec: Forbidden: no',
    ]);
    expect(messages('self.nothing == 1', value)).toEqual([
      'spec: Invalid value: "object": rule evaluation error: No such key: nothing evaluating rule: self.nothing == 1',
    ]);
  });

  it('about the old value is for updates, unless it says that it can do without', () => {
    const rule = 'self.replicas >= oldSelf.replicas';
    expect(messages(rule, value)).toEqual([]);
    expect(messages(rule, { replicas: 2 }, value)).toHaveLength(1);
    expect(messages(rule, { replicas: 4 }, value)).toEqual([]);
    const optional = { rule: 'oldSelf.hasValue() || self.replicas == 1', optionalOldSelf: true };
    expect(messages(optional, value)).toHaveLength(1);
    expect(messages(optional, value, { replicas: 2 })).toEqual([]);
  });

  it('is not asked again about what did not change', () => {
    expect(messages('self.replicas > 5', { replicas: 3 }, { replicas: 3 })).toEqual([]);
    expect(messages('self.replicas > 5', { replicas: 4 }, { replicas: 3 })).toHaveLength(1);
  });

  it('must be an expression that comes to a bool', () => {
    expect(expressionProblem('self.a +', 'bool')).toBe(
      'compilation failed: ERROR: <input>:1:9: Syntax error: Unexpected token: EOF\n | self.a +\n | ........^',
    );
    expect(expressionProblem('self.a.startswith("a")', 'bool')).toContain(
      "<input>:1:18: undeclared reference to 'startswith' (in container '')",
    );
    expect(expressionProblem('"a".startsWith(1)', 'bool')).toContain(
      "<input>:1:15: found no matching overload for 'startsWith' applied to 'string.(int)'",
    );
    expect(expressionProblem('1 + 1', 'bool')).toBe('compilation failed: must evaluate to a bool');
    expect(expressionProblem('nosuch(self)', 'bool')).toContain("<input>:1:7: undeclared reference to 'nosuch'");
    expect(expressionProblem('self.a == 1', 'bool')).toBeUndefined();
  });
});
