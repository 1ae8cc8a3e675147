import { ChartMessage } from '../functions/helm.ts';
import { TemplateError } from '../template/error.ts';
import type { Renderable } from './context.ts';
import { RenderError } from './render-error.ts';

/** How much of a line is shown. */
const maxExcerpt = 100;

/** An error of a rendering, for people: where it is, what was being evaluated there, and the line. */
export function explained(error: unknown, sources: readonly Renderable[]): unknown {
  if (error instanceof ChartMessage) return new RenderError(error.message, error);
  if (!(error instanceof TemplateError)) return error;
  const { location, message, phase } = error;
  const excerpt = excerptOf(error, sources);
  const cause = ultimate(error);
  if (!location) return new RenderError(message, error);
  const place = `${location.name}:${location.line}:${location.column}`;
  if (cause instanceof ChartMessage) {
    return new RenderError(`execution error at (${place}): ${cause.message}`, error, excerpt);
  }
  if (phase === 'parse') {
    const what = message.replace(/^template: [^:]+:\d+(?::\d+)?: /, '');
    return new RenderError(`parse error at (${place}): ${what}`, error, excerpt);
  }
  return new RenderError(traced(error) ?? message, error, excerpt);
}

function ultimate(error: Error): unknown {
  let at: unknown = error;
  while (at instanceof Error && at.cause !== undefined) at = at.cause;
  return at;
}

/** Where it went wrong, as far down as templates of the chart were being executed. */
function excerptOf(error: Error, sources: readonly Renderable[]): string {
  let excerpt = '';
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { location } = at as Partial<TemplateError>;
    if (!location) continue;
    const line = sources.find(({ name }) => name === location.name)?.text.split('\n')[location.line - 1] ?? '';
    if (line.trim() === '') continue;
    const start = Math.max(0, location.column - maxExcerpt / 2);
    const shown = line.slice(start, start + maxExcerpt);
    excerpt = `${location.line} | ${shown}\n${' '.repeat(`${location.line} | `.length + location.column - start)}^`;
  }
  return excerpt;
}

/**
 * From the template that was asked for down to what failed, a place below the other, as Helm 4 has it (its
 * `pkg/engine`); undefined where a function failed that is no template, which Helm tells in Go's one line.
 */
function traced(error: TemplateError): string | undefined {
  const places: string[] = [];
  for (let at: unknown = error; at !== undefined; at = at instanceof Error ? at.cause : undefined) {
    const place = at instanceof Error && placeOf(at.message);
    if (!place) return undefined;
    if (places.at(-1) !== place) places.push(place);
  }
  return places.join('\n');
}

const executing = /^template: (.*?): executing "(.*?)" at <(.*?)>: (.*?)(?: template:.*)?$/s;
const missing = /^template: no template ".*?" associated with template ".*?"$/s;

function placeOf(message: string): string | undefined {
  if (missing.test(message)) return message;
  const [, place, name, at, what] = executing.exec(message) ?? [];
  return place && `${place}\n  executing "${name}" at <${at}>:\n    ${what}`;
}
