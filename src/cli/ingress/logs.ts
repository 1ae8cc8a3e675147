import { createReadStream, existsSync, watch } from 'node:fs';
import { text } from 'node:stream/consumers';
import { ingressPaths } from '../../cluster/ingress/ingress-files.ts';
import { logBounds, rotatedLog } from '../../cluster/ingress/access-log.ts';
import { existingCluster } from '../context.ts';
import { createOutput } from '../output.ts';

/** Requests of a cluster's ingresses, oldest first, with what was rotated away last. */
export async function logs(options: { name: string; follow?: boolean; tail?: number }): Promise<void> {
  const { name } = existingCluster(options.name);
  const { accessLog } = ingressPaths(name);
  const output = createOutput();
  if (!existsSync(accessLog)) return output.message('No request has come in: the cluster has had no ingress yet.');
  const { end } = await logBounds(accessLog);
  const texts = [await linesOf(rotatedLog(accessLog)), await linesOf(accessLog, end)];
  const lines = texts.join('').split('\n').filter(isOfRequest);
  const shown = options.tail === undefined ? lines : lines.slice(Math.max(0, lines.length - options.tail));
  if (shown.length > 0) output.data(shown.join('\n'));
  if (options.follow) await follow(accessLog, end);
}

/** HAProxy's own words about its sections when it is loaded anew are no requests. */
function isOfRequest(line: string): boolean {
  return line !== '' && !/^Proxy \S+ (?:started|stopped)\b/.test(line);
}

async function linesOf(file: string, until?: number): Promise<string> {
  const { start, end } = await logBounds(file);
  return end > start ? text(createReadStream(file, { start, end: (until ?? end) - 1 })) : '';
}

/** Until it is interrupted. A file that has become shorter was rotated: what is new comes behind a hole. */
async function follow(file: string, from: number): Promise<void> {
  let offset = from;
  let rest = '';
  for await (const _ of changesOf(file)) {
    const { start, end } = await logBounds(file);
    if (end < offset) offset = 0;
    offset = Math.max(offset, start);
    if (end === offset) continue;
    for await (const chunk of createReadStream(file, { start: offset, end: end - 1 })) rest += String(chunk);
    offset = end;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter(isOfRequest)) process.stdout.write(`${line}\n`);
  }
}

async function* changesOf(file: string): AsyncIterable<void> {
  let wake: (() => void) | undefined;
  let isChanged = true;
  watch(file, () => {
    isChanged = true;
    wake?.();
  });
  for (;;) {
    if (!isChanged) await new Promise<void>((resolve) => (wake = resolve));
    isChanged = false;
    yield;
  }
}
