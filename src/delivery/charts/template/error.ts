/** Where in a template something is. */
interface Location {
  /** The template's file: `mychart/templates/deployment.yaml`. */
  readonly name: string;
  /** From 1. */
  readonly line: number;
  /** In bytes from the start of the line, from 0, as Go counts. */
  readonly column: number;
}

/** When it failed; `limit`: it used up a budget, which no function around it can catch. */
type Phase = 'parse' | 'execute' | 'limit';

/** A template that cannot be parsed or executed. The message is in the words of Go's text/template. */
export class TemplateError extends Error {
  readonly phase: Phase;
  readonly location: Location | undefined;
  constructor(phase: Phase, message: string, location?: Location, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TemplateError';
    this.phase = phase;
    this.location = location;
  }
}

/** The place of `position` (in UTF-16 units) in a template's text. */
export function locate(name: string, text: string, position: number): Location {
  const before = text.slice(0, position);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line++;
  return { name, line, column: Buffer.byteLength(before.slice(lineStart)) };
}

/** How many values one function may go through: maps can hold each other, so that little memory looks like much data. */
const maxValues = 400_000;

/** What a function met that ends the execution, which knows the place. */
export class LimitReached extends Error {}

/** Counts values, and tells each to `onEach`; past the limit the execution ends. */
export function valueCounter(onEach?: () => void): () => void {
  let count = 0;
  return () => {
    if (++count > maxValues) throw new LimitReached(`a value has more than ${maxValues} parts`);
    onEach?.();
  };
}

/** Ends the execution because values are nested deeper than a function goes: most likely one that holds itself. */
export function nestedTooDeep(limit: number): LimitReached {
  return new LimitReached(`values are nested more than ${limit} deep`);
}
