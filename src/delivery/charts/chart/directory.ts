import { type Dirent, readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { ChartError, type ChartFile } from './chart.ts';
import { type IgnoreRules, parseIgnoreRules } from './helm-ignore.ts';

/** A chart's files are read whole into memory: so much and no more, in all and in one. */
const maxTotalBytes = 100 * 2 ** 20;
const maxFileBytes = 20 * 2 ** 20;
const maxFiles = 10_000;

/**
 * Reads the files of a chart's directory, sorted by name, without those that `.helmignore` names. A symbolic link must
 * stay inside the chart, so that no template reads the machine's files; only a subchart may lie elsewhere. It waits for
 * the disk: a chart is hundreds of small files, which takes three times as long by way of the thread pool.
 */
export function readDirectory(root: string): ChartFile[] {
  const rules = parseIgnoreRules(textIfPresent(join(root, '.helmignore')));
  const real = realpathSync(root);
  const reading: Reading = { files: [], sums: { bytes: 0 }, rules };
  readInto(reading, { directory: root, prefix: '', roots: [real], ancestors: [real] });
  return reading.files;
}

function textIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

interface Reading {
  files: ChartFile[];
  sums: { bytes: number };
  rules: IgnoreRules;
}

interface Place {
  directory: string;
  /** Name of the directory in the chart, with a slash behind it; '' for the chart's own. */
  prefix: string;
  /** Real paths that links may lead into. */
  roots: readonly string[];
  /** Real paths of the directories on the way down: links must not lead back. */
  ancestors: readonly string[];
}

function readInto(reading: Reading, { directory, prefix, roots, ancestors }: Place): void {
  const entries = readdirSync(directory, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const { name } = entry;
    const path = join(directory, name);
    const relative = prefix + name;
    const isLink = entry.isSymbolicLink();
    const info: Dirent | Stats | undefined = isLink ? statSync(path, { throwIfNoEntry: false }) : entry;
    if (!info) throw new ChartError(`${relative} is a link to nothing`);
    if (reading.rules(relative, info.isDirectory())) continue;
    const real = isLink ? realpathSync(path) : join(ancestors.at(-1) as string, name);
    const isSubchart = prefix === 'charts/' && info.isDirectory();
    if (isLink && !isSubchart && !roots.some((root) => isInside(real, root))) {
      throw new ChartError(`${relative} is a link that leads out of the chart`);
    }
    if (info.isDirectory()) {
      if (isLink && ancestors.some((other) => isInside(other, real))) {
        throw new ChartError(`${relative} leads back to where it came from`);
      }
      const inner = isSubchart ? [...roots, real] : roots;
      readInto(reading, {
        directory: path,
        prefix: `${relative}/`,
        roots: inner,
        ancestors: [...ancestors, real],
      });
      continue;
    }
    if (!info.isFile()) throw new ChartError(`${relative} is neither a file nor a directory`);
    const { size, mtimeMs } = statSync(path);
    reading.sums.bytes += size;
    checkSizes(relative, size, { total: reading.sums.bytes, count: reading.files.length });
    reading.files.push({ name: relative, data: readFileSync(path), modified: mtimeMs });
  }
}

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root + sep);
}

function checkSizes(name: string, size: number, sums: { total: number; count: number }): void {
  if (size > maxFileBytes) throw new ChartError(`${name} is larger than ${maxFileBytes / 2 ** 20} MiB`);
  if (sums.total > maxTotalBytes) throw new ChartError(`the chart is larger than ${maxTotalBytes / 2 ** 20} MiB`);
  if (sums.count >= maxFiles) throw new ChartError(`the chart has more than ${maxFiles} files`);
}
