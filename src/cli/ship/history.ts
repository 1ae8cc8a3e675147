import { revisionsOf } from '../../delivery/charts/actions/history.ts';
import { ReleaseNotFound } from '../../delivery/charts/release/release.ts';
import { recordsOf, type ShipRecord, stoppedRecordsOf } from '../../delivery/pipeline/record.ts';
import { createOutput, table } from '../output.ts';
import { loadShipProject } from './project.ts';
import { type WhereFlags, withTarget } from './target.ts';

interface Row {
  /** None for a way that was stopped before the release was touched. */
  revision: number | null;
  /** RFC 3339. */
  updated: string;
  status: string;
  description: string;
  record: ShipRecord | undefined;
}

/** Prints revisions and stopped ways of the app, oldest first, each with the record of its shipment where there is one. */
export async function history(flags: WhereFlags & { output?: 'json' }): Promise<void> {
  const { file } = await loadShipProject(flags.file);
  await withTarget(flags, file, async (target) => {
    const { client, namespace } = target;
    const [revisions, records, stopped] = await Promise.all([
      // An app that was never deployed may have been stopped all the same.
      revisionsOf(target, file.name).catch((error: unknown) => {
        if (error instanceof ReleaseNotFound) return error;
        throw error;
      }),
      recordsOf(client, namespace, file.name),
      stoppedRecordsOf(client, namespace, file.name),
    ]);
    if (revisions instanceof ReleaseNotFound && stopped.length === 0) throw revisions;
    const deployed = (revisions instanceof ReleaseNotFound ? [] : revisions).map((revision): Row => {
      const { info } = revision.read();
      const { version, status } = revision;
      return {
        revision: version,
        updated: info.lastDeployed,
        status,
        description: info.description,
        record: records.get(version),
      };
    });
    const ended = stopped.map(({ reason, ...record }): Row => ({
      revision: null,
      updated: record.endedAt,
      status: 'stopped',
      description: `Stopped: ${reason}`,
      record,
    }));
    const rows = [...deployed, ...ended].toSorted((a, b) => Date.parse(a.updated) - Date.parse(b.updated));
    const output = createOutput();
    if (flags.output === 'json') return output.data(JSON.stringify(rows));
    const header = ['REVISION', 'UPDATED', 'STATUS', 'BY', 'COMMIT', 'IMAGES', 'TESTS', 'DESCRIPTION'];
    const cells = rows.map(({ revision, updated, status, description, record }) => [
      ...[String(revision ?? '-'), updated.replace(/\.\d+/, ''), status],
      ...cellsOf(record),
      description.split('\n')[0] ?? '',
    ]);
    output.data(table(header, cells));
  });
}

function cellsOf(record: ShipRecord | undefined): string[] {
  if (!record) return ['-', '-', '-', '-'];
  const { by, commit, images, tests } = record;
  const testWords = (['passed', 'failed', 'skipped'] as const).flatMap((wanted) => {
    const count = tests.filter(({ result }) => result === wanted).length;
    return count > 0 ? [`${count} ${wanted}`] : [];
  });
  const changed = commit.endsWith('+') ? '+' : '';
  return [
    by,
    commit ? `${commit.slice(0, 7)}${changed}` : '-',
    images.map(({ name, digest }) => digest.slice(7, 19) || name.split(':').at(-1)).join(',') || '-',
    testWords.join(', ') || '-',
  ];
}
