import { labelValue, qualifiedName } from './names.ts';
import { ApiError } from './status.ts';
import type { LabelSelector } from './types/meta-v1.ts';

/** A label selector, compiled. `toString` is the query-string form, requirements sorted by key. */
export interface LabelMatcher {
  matches(labels: Record<string, string> | undefined): boolean;
  /** True when it selects everything. */
  readonly isEmpty: boolean;
  toString(): string;
}

type Operator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<';

interface Requirement {
  key: string;
  operator: Operator;
  values: readonly string[];
}

/** Parses the `labelSelector` parameter: `app=web,tier in (a, b),!canary`. Throws BadRequest in upstream's words. */
export function parseLabelSelector(text: string): LabelMatcher {
  return text === '' ? everything : matcherOf(new Parser(text).parse());
}

/**
 * The text of a selector as objects hold one (apimachinery's `ParseToLabelSelector`). Throws BadRequest for what they
 * cannot hold.
 */
export function labelSelectorOf(text: string): LabelSelector {
  const requirements = new Parser(text).parse();
  const isEqual = ({ operator }: Requirement): boolean => operator === '=' || operator === '==';
  const matchLabels = requirements.filter(isEqual).map(({ key, values }) => [key, values[0]]);
  const matchExpressions = requirements
    .filter((each) => !isEqual(each))
    .map(({ key, operator, values }) => {
      const long = Object.entries(operators).find(([, short]) => short === operator)?.[0];
      if (!long) throw ApiError.of('BadRequest', `"${operator}" is not a valid label selector operator`);
      return { key, operator: long, ...(values.length > 0 && { values: values.toSorted() }) };
    });
  return {
    ...(matchLabels.length > 0 && { matchLabels: Object.fromEntries(matchLabels) as Record<string, string> }),
    ...(matchExpressions.length > 0 && { matchExpressions }),
  };
}

/** A selector as objects hold it. Undefined selects nothing, an empty one everything. */
export function labelMatcher(selector: LabelSelector | undefined): LabelMatcher {
  if (!selector) return nothing;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  if (matchExpressions.length === 0) return mapMatcher(matchLabels);
  const requirements: Requirement[] = Object.entries(matchLabels).map(([key, value]) => equals(key, value));
  for (const { key, operator, values = [] } of matchExpressions) {
    const short = operators[operator];
    // Validation refuses other operators; an object that slipped through selects nothing rather than too much.
    if (!short) return nothing;
    requirements.push({ key, operator: short, values });
  }
  return matcherOf(requirements);
}

/** A plain map of labels, as services and replication controllers have it; an empty one selects everything. */
export function mapMatcher(selector: Record<string, string>): LabelMatcher {
  const keys = Object.keys(selector);
  if (keys.length === 0) return everything;
  return {
    isEmpty: false,
    matches: (labels) => labels !== undefined && keys.every((key) => labels[key] === selector[key]),
    toString: () => format(keys.map((key) => equals(key, selector[key] as string))),
  };
}

/** As `kubectl get` prints selectors: `<none>` for no or an empty one. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  return labelMatcher(selector).toString() || '<none>';
}

const operators: Readonly<Record<string, Operator | undefined>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

const everything: LabelMatcher = { isEmpty: true, matches: () => true, toString: () => '' };
const nothing: LabelMatcher = { isEmpty: false, matches: () => false, toString: () => '' };

function matcherOf(requirements: readonly Requirement[]): LabelMatcher {
  if (requirements.length === 0) return everything;
  return {
    isEmpty: false,
    matches: (labels) => requirements.every((requirement) => meets(requirement, labels?.[requirement.key])),
    toString: () => format(requirements),
  };
}

function equals(key: string, value: string): Requirement {
  return { key, operator: '=', values: [value] };
}

function meets({ operator, values }: Requirement, actual: string | undefined): boolean {
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return actual !== undefined && values.includes(actual);
    case '!=':
    case 'notin':
      return actual === undefined || !values.includes(actual);
    case 'exists':
      return actual !== undefined;
    case '!':
      return actual === undefined;
    case '>':
      return isWhole(actual) && BigInt(actual) > BigInt(values[0] as string);
    case '<':
      return isWhole(actual) && BigInt(actual) < BigInt(values[0] as string);
  }
}

function isWhole(text: string | undefined): text is string {
  return text !== undefined && /^-?\d+$/.test(text);
}

function format(requirements: readonly Requirement[]): string {
  const sorted = requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return sorted.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.toSorted().join(',')})`;
    case '=':
    case '==':
    case '!=':
    case '>':
    case '<':
      return `${key}${operator}${values[0]}`;
  }
}

interface Token {
  kind: 'identifier' | 'symbol' | 'end';
  text: string;
}

const end: Token = { kind: 'end', text: '' };

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /[ \t\r\n]+|([^=!(),><\s]+)|(==|!=|[=!(),><])/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (!match) break;
    if (match[1]) tokens.push({ kind: 'identifier', text: match[1] });
    else if (match[2]) tokens.push({ kind: 'symbol', text: match[2] });
  }
  return tokens;
}

/** The grammar of apimachinery's `labels.Parse`, with its error texts. */
class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === 'end') return requirements;
      if (!startsRequirement(token)) refuse(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      requirements.push(this.#requirement());
      const next = this.#take();
      if (next.kind === 'end') return requirements;
      if (next.text !== ',') refuse(`found '${next.text}', expected: ',' or 'end of string'`);
      const after = this.#peek();
      if (!startsRequirement(after)) refuse(`found '${after.text}', expected: identifier after ','`);
    }
  }

  #requirement(): Requirement {
    const isNegated = this.#peek().text === '!';
    if (isNegated) this.#position++;
    const { kind, text: key } = this.#take();
    if (kind !== 'identifier') refuse(`unable to parse requirement: found '${key}', expected: identifier`);
    const problems = qualifiedName(key);
    if (problems.length > 0) refuse(`unable to parse requirement: ${invalid('<nil>', key, problems)}`);
    if (isNegated) return { key, operator: '!', values: [] };
    const next = this.#peek();
    if (next.kind === 'end' || next.text === ',') return { key, operator: 'exists', values: [] };
    return this.#checked({ key, operator: this.#operator(), values: [] });
  }

  #operator(): Operator {
    const { text } = this.#take();
    switch (text) {
      case 'in':
      case 'notin':
      case '=':
      case '==':
      case '!=':
      case '>':
      case '<':
        return text;
      default:
        return refuse(`unable to parse requirement: found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #checked({ key, operator }: Requirement): Requirement {
    const isSet = operator === 'in' || operator === 'notin';
    const values = isSet ? this.#values() : [this.#exactValue()];
    const problems: string[] = [];
    if (values.length === 0) {
      problems.push("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
    }
    for (const [i, value] of values.entries()) {
      if ((operator === '>' || operator === '<') && !isWhole(value)) {
        const rule = "for 'Gt', 'Lt' operators, the value must be an integer";
        problems.push(invalid(`values[${i}]`, value, [rule]));
      }
      const wrong = labelValue(value);
      if (wrong.length > 0) problems.push(invalid(`values[${i}][${key}]`, value, wrong));
    }
    if (problems.length === 1) refuse(`unable to parse requirement: ${problems[0]}`);
    if (problems.length > 1) refuse(`unable to parse requirement: [${problems.join(', ')}]`);
    return { key, operator, values };
  }

  #values(): string[] {
    const open = this.#take();
    if (open.text !== '(') refuse(`unable to parse requirement: found '${open.text}' expected: '('`);
    const values = new Set<string>();
    for (let isFirst = true; ; isFirst = false) {
      const token = this.#take();
      if (token.text === ')' && isFirst) return [];
      if (token.kind === 'identifier') {
        values.add(token.text);
        const next = this.#take();
        if (next.text === ')') return [...values].toSorted();
        if (next.text !== ',') refuse(`unable to parse requirement: found '${next.text}', expected: ',' or ')'`);
        if (this.#peek().text === ')') values.add('');
      } else if (token.text === ',') {
        values.add('');
      } else if (token.text === ')') {
        values.add('');
        return [...values].toSorted();
      } else {
        refuse(`unable to parse requirement: found '${token.text}', expected: ',', ')' or identifier`);
      }
    }
  }

  #exactValue(): string {
    const token = this.#peek();
    if (token.kind === 'end' || token.text === ',') return '';
    this.#position++;
    if (token.kind === 'identifier') return token.text;
    return refuse(`unable to parse requirement: found '${token.text}', expected: identifier`);
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? end;
  }

  #take(): Token {
    return this.#tokens[this.#position++] ?? end;
  }
}

function startsRequirement(token: Token): boolean {
  return token.kind === 'identifier' || token.text === '!';
}

function invalid(path: string, value: string, problems: readonly string[]): string {
  return `${path}: Invalid value: ${JSON.stringify(value)}: ${problems.join('; ')}`;
}

function refuse(message: string): never {
  throw ApiError.of('BadRequest', message);
}
