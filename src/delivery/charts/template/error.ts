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
