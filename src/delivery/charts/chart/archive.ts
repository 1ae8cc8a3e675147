import { createGunzip, gzip } from 'node:zlib';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { extract, pack } from 'tar-stream';
import { ChartError, type ChartFile } from './chart.ts';

/** Helm's own limits (4 since 2024): what an archive unpacks to, and what one file does. */
const maxTotalBytes = 100 * 2 ** 20;
const maxFileBytes = 20 * 2 ** 20;
const maxFiles = 10_000;
/** Of the tar stream as a whole: names and padding come on top of the files, and entries that are passed over count too. */
const maxStreamBytes = maxTotalBytes + maxFiles * 3 * 512;

/**
 * Unpacks a chart's archive (`.tgz`): every file below the one top directory, named from there. Bounded in bytes, files
 * and names; links, devices and paths that lead out are refused.
 * @throws ChartError
 */
export async function unpackChart(data: Uint8Array, source: string): Promise<ChartFile[]> {
  if (data[0] !== 0x1f || data[1] !== 0x8b) {
    throw new ChartError(`${source} does not appear to be a gzipped archive`);
  }
  const files: ChartFile[] = [];
  const names = new Set<string>();
  let total = 0;
  const untar = extract();
  const reading = pipeline(Readable.from([data]), createGunzip(), boundedTo(maxStreamBytes, source), untar);
  // The error is told by the loop below, which the same failure ends.
  reading.catch(() => undefined);
  try {
    for await (const entry of untar) {
      const { name: path, type, mtime } = entry.header;
      if (type === 'directory') {
        entry.resume();
        continue;
      }
      if (type !== 'file' && type !== 'contiguous-file') {
        throw new ChartError(`${source}: ${printable(path)} is a ${type}: charts hold plain files only`);
      }
      const name = insideName(path, source);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of entry as AsyncIterable<Buffer>) {
        size += chunk.length;
        total += chunk.length;
        if (size > maxFileBytes)
          throw new ChartError(`${source}: ${name} is larger than ${maxFileBytes / 2 ** 20} MiB`);
        if (total > maxTotalBytes)
          throw new ChartError(`${source} unpacks to more than ${maxTotalBytes / 2 ** 20} MiB`);
        chunks.push(chunk);
      }
      if (names.has(name)) throw new ChartError(`${source} holds ${name} twice`);
      if (names.size >= maxFiles) throw new ChartError(`${source} holds more than ${maxFiles} files`);
      names.add(name);
      files.push({ name, data: Buffer.concat(chunks), ...(mtime && { modified: mtime.getTime() }) });
    }
    await reading;
  } catch (error) {
    untar.destroy();
    if (error instanceof ChartError) throw error;
    throw new ChartError(`${source} is not a readable archive: ${(error as Error).message}`, error);
  }
  if (files.length === 0) throw new ChartError(`no files in chart archive ${source}`);
  return files;
}

/** Ends in an error past so many bytes: what entries that are passed over hold is counted by nobody else. */
function boundedTo(limit: number, source: string): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      if (total > limit) done(new ChartError(`${source} unpacks to more than ${maxTotalBytes / 2 ** 20} MiB`));
      else done(null, chunk);
    },
  });
}

/** `web/templates/a.yaml` is `templates/a.yaml`: the top directory may have any name. */
function insideName(path: string, source: string): string {
  const clean = path.replaceAll('\\', '/').replace(/^(?:\.\/)+/, '');
  const parts = clean.split('/').filter((part) => part !== '' && part !== '.');
  if (clean.startsWith('/') || /^[a-zA-Z]:\//.test(clean)) {
    throw new ChartError(`${source}: ${printable(path)} contains an absolute path`);
  }
  if (parts.includes('..')) throw new ChartError(`${source}: ${printable(path)} leads out of the chart`);
  if (parts.length < 2) throw new ChartError(`${source}: chart illegally contains content outside the base directory`);
  return parts.slice(1).join('/');
}

function printable(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}

/** Packs files below a top directory, which give the same bytes every time; `now` (epoch ms) is for those without a time. */
export async function packChart(top: string, files: readonly ChartFile[], now: number): Promise<Uint8Array> {
  const tar = pack();
  for (const { name, data, modified = now } of files) {
    tar.entry({ name: `${top}/${name}`, mode: 0o644, mtime: new Date(modified) }, Buffer.from(data));
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return promisify(gzip)(Buffer.concat(chunks), { level: 9 });
}
