import { createReadStream, existsSync, readFileSync, statSync, watch } from 'node:fs';
import { ingressPaths } from '../../cluster/ingress/ingress-files.ts';
import { rotatedLog } from '../../cluster/ingress/access-log.ts';
import { existingCluster } from '../context.ts';
import { createOutput } from '../output.ts';

/** Requests of a cluster's ingresses, oldest first, with what was rotated away last. */
export async function logs(options: { name: string; follow?: boolean; tail?: number }): Promise<void> {
  const { name } = existingCluster(options.name);
  const { accessLog } = ingressPaths(name);
  const output = createOutput();
  if (!existsSync(accessLog)) return output.message('No request has come in: the cluster has had no ingress yet.');
  const offset = statSync(accessLog).size;
  const texts = [rotatedLog(accessLog), accessLog].map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : ''));
  const lines = texts
    .join('')
    .split('\n')
    .filter((line) => line !== '');
  const shown = options.tail === undefined ? lines : lines.slice(Math.max(0, lines.length - options.tail));
  if (shown.length > 0) output.data(shown.join('\n'));
  if (options.follow) await follow(accessLog, offset);
}

/** Until it is interrupted. A file that has become shorter was rotated: it is read from its start. */
async function follow(file: string, from: number): Promise<void> {
  let offset = from;
  for await (const _ of changesOf(file)) {
    const { size } = statSync(file);
    if (size < offset) offset = 0;
    if (size === offset) continue;
    for await (const chunk of createReadStream(file, { start: offset, end: size - 1 })) process.stdout.write(chunk);
    offset = size;
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
