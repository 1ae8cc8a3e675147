import { formatFloat } from './format-number.ts';
import { noFlags, Printer, type Flags } from './format-value.ts';
import { integerOf, typeOf } from './values.ts';

/** Go's fmt: Sprint, Sprintln and Sprintf. */

/** What printing gives of a single value. */
export function printText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      return formatFloat(value, 'g');
    default:
      return new Printer(noFlags).value(value, 'v');
  }
}

/** Values with spaces between those of which neither is a string. */
export function sprint(args: readonly unknown[]): string {
  let out = '';
  args.forEach((arg, i) => {
    if (i > 0 && typeof arg !== 'string' && typeof args[i - 1] !== 'string') out += ' ';
    out += printText(arg);
  });
  return out;
}

export function sprintln(args: readonly unknown[]): string {
  return `${args.map(printText).join(' ')}\n`;
}

/** A width or precision past this is refused, as in Go. */
const tooLarge = 1e6;

interface Directive {
  flags: Flags;
  /** Where the format goes on: at the verb. */
  at: number;
  /** What went wrong with width or precision. */
  notes: string;
  badIndex: boolean;
}

export function sprintf(format: string, args: readonly unknown[]): string {
  return new Formatter(format, args).run();
}

class Formatter {
  readonly #format: string;
  readonly #args: readonly unknown[];
  #argument = 0;
  #reordered = false;

  constructor(format: string, args: readonly unknown[]) {
    this.#format = format;
    this.#args = args;
  }

  run(): string {
    const format = this.#format;
    let out = '';
    let at = 0;
    for (;;) {
      const percent = format.indexOf('%', at);
      if (percent < 0) break;
      out += format.slice(at, percent);
      const plain = this.#plain(format.charCodeAt(percent + 1));
      if (plain !== undefined) {
        out += plain;
        at = percent + 2;
        continue;
      }
      const directive = this.#directive(percent + 1);
      out += directive.notes;
      const code = format.codePointAt(directive.at);
      if (code === undefined) return `${out}%!(NOVERB)${this.#extra()}`;
      const verb = String.fromCodePoint(code);
      at = directive.at + verb.length;
      out += this.#verb(verb, directive);
    }
    return out + format.slice(at) + this.#extra();
  }

  /** Most directives are `%s` of a string, or `%d` of an int, with no flags. */
  #plain(verb: number): string | undefined {
    const argument = this.#args[this.#argument];
    if (verb === 0x73 ? typeof argument !== 'string' : verb !== 0x64 || typeof argument !== 'bigint') return undefined;
    this.#argument++;
    return String(argument);
  }

  #verb(verb: string, { flags, badIndex }: Directive): string {
    if (verb === '%') return '%';
    if (badIndex) return `%!${verb}(BADINDEX)`;
    if (this.#argument >= this.#args.length) return `%!${verb}(MISSING)`;
    const argument = this.#args[this.#argument++];
    if (verb === 'v' && (flags.sharp || flags.plus)) {
      const { sharp, plus } = flags;
      return new Printer({ ...flags, sharp: false, plus: false, sharpV: sharp, plusV: plus }).value(argument, verb);
    }
    return new Printer(flags).value(argument, verb);
  }

  /** Arguments that no verb used. */
  #extra(): string {
    if (this.#reordered || this.#argument >= this.#args.length) return '';
    const rest = this.#args.slice(this.#argument).map((arg) => {
      return arg == null ? '<nil>' : `${typeOf(arg)}=${printText(arg)}`;
    });
    return `%!(EXTRA ${rest.join(', ')})`;
  }

  #directive(start: number): Directive {
    const format = this.#format;
    const directive: Directive = { flags: { ...noFlags }, at: start, notes: '', badIndex: false };
    const { flags } = directive;
    for (; '+-# 0'.includes(format[directive.at] ?? 'x'); directive.at++)
      setFlag(flags, format[directive.at] as string);
    let indexed = this.#index(directive);
    if (format[directive.at] === '*') {
      directive.at++;
      this.#starWidth(directive);
      indexed = false;
    } else {
      const width = this.#number(directive);
      if (width !== undefined) {
        flags.width = width;
        if (indexed) directive.badIndex = true;
      }
    }
    if (format[directive.at] === '.') {
      directive.at++;
      if (indexed) directive.badIndex = true;
      indexed = this.#index(directive);
      if (format[directive.at] === '*') {
        directive.at++;
        this.#starPrecision(directive);
        indexed = false;
      } else flags.precision = this.#number(directive) ?? 0;
    }
    if (!indexed) this.#index(directive);
    return directive;
  }

  #starWidth(directive: Directive): void {
    const { flags } = directive;
    const width = integerOf(this.#args[this.#argument]);
    if (this.#argument < this.#args.length) this.#argument++;
    if (width === undefined || width > tooLarge || width < -tooLarge) {
      directive.notes += '%!(BADWIDTH)';
      return;
    }
    flags.width = Math.abs(Number(width));
    if (width < 0n) {
      flags.minus = true;
      flags.zero = false;
    }
  }

  #starPrecision(directive: Directive): void {
    const precision = integerOf(this.#args[this.#argument]);
    if (this.#argument < this.#args.length) this.#argument++;
    if (precision === undefined || precision > tooLarge || precision < 0n) {
      directive.flags.precision = undefined;
      if (precision === undefined || precision >= 0n) directive.notes += '%!(BADPREC)';
      else directive.notes += '%!(BADPREC)';
      return;
    }
    directive.flags.precision = Number(precision);
  }

  #number(directive: Directive): number | undefined {
    const digits = /\d*/y;
    digits.lastIndex = directive.at;
    const [text] = digits.exec(this.#format) as RegExpExecArray;
    if (text === '') return undefined;
    directive.at += text.length;
    return Number(text) > tooLarge ? undefined : Number(text);
  }

  /** `[3]`: which argument comes next. */
  #index(directive: Directive): boolean {
    if (this.#format[directive.at] !== '[') return false;
    this.#reordered = true;
    const close = this.#format.indexOf(']', directive.at);
    if (close < 0) {
      directive.badIndex = true;
      directive.at++;
      return false;
    }
    const text = this.#format.slice(directive.at + 1, close);
    directive.at = close + 1;
    const index = /^\d+$/.test(text) ? Number(text) - 1 : -1;
    if (index < 0 || index >= this.#args.length) {
      directive.badIndex = true;
      return false;
    }
    this.#argument = index;
    return true;
  }
}

function setFlag(flags: Flags, c: string): void {
  switch (c) {
    case '+':
      flags.plus = true;
      break;
    case '-':
      flags.minus = true;
      flags.zero = false;
      break;
    case '#':
      flags.sharp = true;
      break;
    case ' ':
      flags.space = true;
      break;
    default:
      flags.zero = !flags.minus;
  }
}
