import { cidr, ip } from '../../../api/names.ts';
import type { Complaint } from '../problem.ts';
import type { Template } from '../settings.ts';
import { type ClassOption, classOptions, globalAuthorization, parameterPrefix } from './parameters.ts';
import { annotationPrefix, type ServedAnnotation, servedAnnotations, type ServedInfo } from './table.ts';
import { parseTemplate } from './template.ts';

export type ValueName = ServedAnnotation | ClassOption;

const known: Readonly<Record<ValueName, ServedInfo>> = { ...servedAnnotations, ...classOptions };

/**
 * The annotations of one ingress as values, and what its class says where it says nothing. What cannot be read is
 * complained about and counts as absent; where an annotation protects something, the whole ingress is refused then.
 */
export class AnnotationValues {
  readonly #annotations: Readonly<Record<string, string>>;
  readonly #complaints: Complaint[];
  #isRefused = false;

  constructor(annotations: Readonly<Record<string, string>>, complaints: Complaint[]) {
    this.#annotations = annotations;
    this.#complaints = complaints;
  }

  /** Something that protects the service could not be understood. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  has(name: ValueName): boolean {
    return this.#raw(name) !== undefined;
  }

  /** One line of printable ASCII. */
  text(name: ValueName): string | undefined {
    const text = this.#raw(name);
    if (text === undefined || /^[ -~]+$/.test(text)) return text;
    return this.wrong(name, 'has characters other than printable ASCII');
  }

  /** Text that matches all of `pattern`; `what` is said about text that does not. */
  word(name: ValueName, pattern: RegExp, what: string): string | undefined {
    const text = this.text(name);
    if (text === undefined || new RegExp(`^(?:${pattern.source})$`, pattern.flags).test(text)) return text;
    return this.wrong(name, `is not ${what}`);
  }

  /** `name` or `namespace/name` of a `what` in the ingress's own namespace: those of others are not read for it. */
  objectIn(namespace: string, name: ValueName, what: string): string | undefined {
    const written = this.word(name, /[a-z0-9.-]+(\/[a-z0-9.-]+)?/, what);
    const [first, second] = written?.split('/') ?? [];
    if (second !== undefined && first !== namespace) this.wrong(name, 'is of another namespace');
    return second ?? first;
  }

  choice<const T extends string>(name: ValueName, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
    return found ?? this.wrong(name, `is none of ${choices.join(', ')}`);
  }

  /** As Go's ParseBool reads it. */
  flag(name: ValueName): boolean | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^(?:true|t|1)$/i.test(text)) return true;
    if (/^(?:false|f|0)$/i.test(text)) return false;
    return this.wrong(name, 'is neither true nor false');
  }

  /** nginx's way of saying yes or no; `true` and `false` are understood too. */
  onOff(name: ValueName): boolean | undefined {
    const text = this.text(name);
    return text === 'on' ? true : text === 'off' ? false : this.flag(name);
  }

  number(name: ValueName, { min, max }: { min: number; max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^\d{1,12}$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    return this.wrong(name, `is not a number from ${min} to ${max}`);
  }

  /** Seconds: a number, or a duration with nginx's units (`60s`, `1m30s`, `2h`). At most a day. */
  seconds(name: ValueName): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, days, hours, minutes, seconds] =
      /^(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s?)?$/.exec(text) ?? [];
    const parts = [
      Number(days ?? 0) * 86_400,
      Number(hours ?? 0) * 3600,
      Number(minutes ?? 0) * 60,
      Number(seconds ?? 0),
    ];
    const total = parts.reduce((sum, part) => sum + part, 0);
    if (total >= 1 && total <= 86_400) return total;
    return this.wrong(name, 'is not a time from one second to a day');
  }

  /** Bytes in nginx's notation: `8m`, `512k`, `1g`, `1000`. */
  bytes(name: ValueName): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, digits, unit = ''] = /^(\d{1,12})([kmg]?)$/i.exec(text) ?? [];
    const shift = { '': 0, k: 10, m: 20, g: 30 }[unit.toLowerCase()] ?? 0;
    const bytes = Number(digits) * 2 ** shift;
    if (bytes >= 0 && bytes <= 2 ** 44) return bytes;
    return this.wrong(name, 'is not a size such as 8m, 512k or 1g');
  }

  /** Divided by commas, blanks or new lines. */
  list(name: ValueName): string[] | undefined {
    const text = this.#raw(name);
    const parts = text?.split(/[\s,]+/).filter((part) => part !== '');
    if (!parts || parts.every((part) => /^[!-~]+$/.test(part))) return parts;
    return this.wrong(name, 'has characters other than printable ASCII');
  }

  /** Addresses and ranges, IPv4 or IPv6. */
  ranges(name: ValueName): string[] | undefined {
    const list = this.list(name);
    if (!list) return undefined;
    if (list.length === 0) return this.wrong(name, 'names no address');
    const wrong = list.find((part) => cidr(part).length > 0 && ip(part).length > 0);
    return wrong === undefined
      ? list
      : this.wrong(name, `has ${JSON.stringify(wrong)}, which is no address and no range`);
  }

  template(name: ValueName, options: { groups: boolean }): Template | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const parsed = parseTemplate(text, options);
    return 'problem' in parsed ? this.wrong(name, `cannot be made: ${parsed.problem}`) : parsed;
  }

  /** Complains about a value; the answer is that of an annotation which is not there. */
  wrong(name: ValueName, why: string): undefined {
    const { mustHold } = known[name];
    const text = this.#raw(name) ?? '';
    const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
    const outcome = mustHold ? 'the ingress is not served' : 'it has no effect';
    const message = `${this.#labelOf(name)} ${why}: ${JSON.stringify(shown)}; ${outcome}`;
    this.#complaints.push({ reason: mustHold ? 'Refused' : 'InvalidAnnotation', message });
    if (mustHold) this.#isRefused = true;
    return undefined;
  }

  #labelOf(name: ValueName): string {
    if (this.#own(name) !== undefined) return `annotation ${annotationPrefix}${name}`;
    const [global = name] = Object.entries(globalAuthorization).find(([, each]) => each === name) ?? [];
    return `parameter ${global} of the ingress class`;
  }

  #raw(name: ValueName): string | undefined {
    return this.#own(name) ?? this.#text(parameterPrefix + name);
  }

  #own(name: ValueName): string | undefined {
    return Object.hasOwn(classOptions, name) ? undefined : this.#text(annotationPrefix + name);
  }

  #text(key: string): string | undefined {
    const text = this.#annotations[key]?.trim();
    return text === '' ? undefined : text;
  }
}
