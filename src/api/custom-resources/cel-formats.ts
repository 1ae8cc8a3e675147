import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { dns1035Label, dnsLabel, dnsSubdomain, labelValue, qualifiedName } from '../names.ts';
import { suitsFormat } from './value-checks.ts';

/** A format in a rule: what is wrong with a text. */
class CelFormat {
  readonly problems: (text: string) => readonly string[];
  constructor(problems: (text: string) => readonly string[]) {
    this.problems = problems;
  }
}

/** What `format.dns1123Label()` is called on. */
class FormatNamespace {}

/** Names that the server completes: what is before the end may end in a hyphen. */
function asPrefix(check: (text: string) => readonly string[]): (text: string) => readonly string[] {
  return (text) => check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);
}

function ofSchema(format: string): (text: string) => readonly string[] {
  return (text) => (suitsFormat(text, format) ? [] : [`invalid ${format}`]);
}

const formats: Readonly<Record<string, (text: string) => readonly string[]>> = {
  dns1123Label: dnsLabel,
  dns1123Subdomain: dnsSubdomain,
  dns1035Label,
  dns1123LabelPrefix: asPrefix(dnsLabel),
  dns1123SubdomainPrefix: asPrefix(dnsSubdomain),
  dns1035LabelPrefix: asPrefix(dns1035Label),
  qualifiedName,
  labelValue,
  uri: ofSchema('uri'),
  uuid: ofSchema('uuid'),
  byte: ofSchema('byte'),
  date: ofSchema('date'),
  datetime: ofSchema('date-time'),
};

/** The library of formats (API documentation, "Common Expression Language in Kubernetes"). */
export function registerFormats(environment: Environment): void {
  environment
    .registerType('Format', { ctor: CelFormat, fields: {} })
    .registerType('FormatNamespace', { ctor: FormatNamespace, fields: {} })
    .registerConstant('format', 'FormatNamespace', new FormatNamespace())
    .registerFunction('FormatNamespace.named(string): optional<Format>', (_: FormatNamespace, name: string) => {
      const problems = Object.hasOwn(formats, name) ? formats[name] : undefined;
      return problems ? Optional.of(new CelFormat(problems)) : Optional.none();
    })
    .registerFunction('Format.validate(string): optional<list<string>>', ({ problems }: CelFormat, text: string) => {
      const found = problems(text);
      return found.length > 0 ? Optional.of(found) : Optional.none();
    });
  for (const [name, problems] of Object.entries(formats)) {
    environment.registerFunction(`FormatNamespace.${name}(): Format`, () => new CelFormat(problems));
  }
}
