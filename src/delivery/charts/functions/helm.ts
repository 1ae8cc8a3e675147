import { executionFunction, goFunction, type FunctionMap } from '../template/function.ts';
import { emptyMap, type GoMap } from '../template/values.ts';
import { endsExecution } from '../template/assign.ts';
import type { Execution } from '../template/execution.ts';
import { quote } from '../template/quote.ts';
import { decodeJson, decodeJsonAs, encodeJson } from './json.ts';
import { countingParts } from './lists.ts';
import { emitPrettyYaml, emitYaml } from './yaml-emit.ts';
import { encodeToml } from './toml-encode.ts';
import { readYamlAs } from './yaml-read.ts';

/** What a chart's author says with `fail` and `required`: Helm shows it without what was being executed. */
export class ChartMessage extends Error {}

/** How often a template may be being included at the same time, as in Helm. */
const maxIncludes = 1000;

function include(x: Execution, name: string, data: unknown): string {
  const template = x.set.find(name);
  if (!template) throw new Error(`template: no template ${quote(name)} associated with template "gotpl"`);
  const count = x.included.get(name) ?? 0;
  if (count > maxIncludes) {
    throw new Error(`rendering template has a nested reference name: ${name}: unable to execute template`);
  }
  x.included.set(name, count + 1);
  const text = x.capture(template, data);
  x.included.set(name, count);
  return text;
}

/** The text is not part of the errors, as it is in Helm: it may hold secrets. */
function tpl(x: Execution, text: string, data: unknown): string {
  if (!text.includes('{{')) return text;
  const set = explain('cannot parse template', () => x.set.parseText('gotpl', text));
  const template = set.find('gotpl');
  if (!template) return '';
  const result = explain('error during tpl function execution', () => x.within(set, () => x.capture(template, data)));
  return result.replaceAll('<no value>', '');
}

function explain<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!isOrdinary(error)) throw error;
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

function isOrdinary(error: unknown): boolean {
  return error instanceof Error && !endsExecution(error);
}

function swallow<T>(body: () => T, failed: (message: string) => T): T {
  try {
    return body();
  } catch (error) {
    if (!isOrdinary(error)) throw error;
    return failed((error as Error).message);
  }
}

function errorMap(message: string): GoMap {
  return Object.assign(emptyMap(), { Error: message });
}

export interface HelmOptions {
  /** When linting, what is required may be missing, and `fail` does not: told here instead. */
  readonly onLint?: (message: string) => void;
  /** Reads an object, or a list when the name is empty, from the cluster; an empty map when there is none. */
  readonly lookup?: (apiVersion: string, kind: string, namespace: string, name: string) => GoMap;
}

function trimNewline(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

function yamlOf(x: Execution, value: unknown): string {
  if (typeof value !== 'object' || value === null) return trimNewline(emitYaml(value));
  let text = x.yaml.get(value);
  if (text === undefined) x.yaml.set(value, (text = trimNewline(emitYaml(value))));
  return text;
}

const toJson = goFunction(['any'], (value) =>
  swallow(
    () => encodeJson(value),
    () => '',
  ),
);

/** The functions that Helm adds to Sprig's, and those of Sprig's that it replaces. */
export function helmFunctions({ onLint, lookup }: HelmOptions): FunctionMap {
  const failWith = (message: string): unknown => {
    if (!onLint) throw new ChartMessage(message);
    onLint(message);
    return '';
  };
  return {
    include: executionFunction(['string', 'any'], include),
    tpl: executionFunction(['string', 'any'], tpl),
    required: goFunction(['string', 'any'], (message, value) =>
      value == null || value === '' ? failWith(message) : value,
    ),
    fail: goFunction(['string'], failWith),
    lookup: goFunction(['string', 'string', 'string', 'string'], (...place) => lookup?.(...place) ?? emptyMap()),
    toYaml: executionFunction(['any'], (x, value) =>
      swallow(
        () => yamlOf(x, value),
        () => '',
      ),
    ),
    mustToYaml: executionFunction(['any'], yamlOf),
    toYamlPretty: goFunction(['any'], (value) =>
      swallow(
        () => trimNewline(emitPrettyYaml(value)),
        () => '',
      ),
    ),
    fromYaml: countingParts(
      goFunction(['string'], (text) => swallow(() => readYamlAs(text, 'map') as GoMap, errorMap)),
    ),
    fromYamlArray: countingParts(
      goFunction(['string'], (text) =>
        swallow(
          () => readYamlAs(text, 'list') as unknown[],
          (e) => [e],
        ),
      ),
    ),
    toToml: goFunction(['any'], (value) =>
      swallow(
        () => encodeToml(value),
        (message) => message,
      ),
    ),
    toJson,
    mustToJson: goFunction(['any'], (value) => encodeJson(value)),
    toRawJson: goFunction(['any'], (value) => encodeJson(value, { escapesHtml: false })),
    mustToRawJson: goFunction(['any'], (value) => encodeJson(value, { escapesHtml: false })),
    toPrettyJson: goFunction(['any'], (value) =>
      swallow(
        () => encodeJson(value, { indent: '  ' }),
        () => '',
      ),
    ),
    mustToPrettyJson: goFunction(['any'], (value) => encodeJson(value, { indent: '  ' })),
    fromJson: countingParts(
      goFunction(['string'], (text) => swallow(() => decodeJsonAs(text, 'map') as GoMap, errorMap)),
    ),
    mustFromJson: countingParts(goFunction(['string'], (text) => decodeJson(text))),
    fromJsonArray: countingParts(
      goFunction(['string'], (text) =>
        swallow(
          () => decodeJsonAs(text, 'list') as unknown[],
          (e) => [e],
        ),
      ),
    ),
  };
}
