import type { Event } from '../../api/types/core-v1.ts';
import { ApiError } from '../../api/status.ts';
import { events as eventResource } from '../../client/resources.ts';
import { createColumns } from '../../delivery/inspect/columns.ts';
import { lastSeen, seenText } from '../../delivery/inspect/describe/events.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { objectPrinter } from './print-objects.ts';
import { typed } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface EventFlags extends KubeFlags {
  allNamespaces?: boolean;
  for?: string;
  types?: string;
  watch?: boolean;
  output?: string;
  headers: boolean;
}

/** `timonel events`: what happened, the newest last. */
export async function events(flags: EventFlags): Promise<void> {
  if (flags.types?.split(',').some((type) => !/^(?:normal|warning)$/i.test(type)))
    throw new CliError('valid --types are Normal or Warning');
  await withKube(flags, async (kube) => {
    const where = {
      ...(!flags.allNamespaces && { namespace: kube.namespace }),
      ...(flags.for && { fieldSelector: await about(kube, flags.for) }),
    };
    const types = flags.types?.split(',').map((type) => type.toLowerCase());
    const isWanted = ({ type }: Event): boolean => !types || types.includes((type ?? '').toLowerCase());
    const { items, metadata } = await kube.client.list<Event>(eventResource, where);
    const found = items.filter(isWanted).toSorted((a, b) => (lastSeen(a) < lastSeen(b) ? -1 : 1));
    const printer = await objectPrinter(flags.output);
    if (printer) {
      const list = {
        apiVersion: 'v1',
        items: found.map((item) => typed(eventResource, item)),
        kind: 'List',
        metadata: {},
      };
      return void process.stdout.write(printer.print(list));
    }
    const columns = createColumns();
    const show = (some: readonly Event[], withHeader: boolean): void => {
      const rows = some.map((event) => row(event, flags));
      const lines = columns.lines([...(withHeader ? [header(flags)] : []), ...rows]);
      process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    };
    if (found.length > 0) show(found, flags.headers);
    else if (!flags.watch) {
      process.stderr.write(
        flags.allNamespaces ? 'No events found.\n' : `No events found in ${kube.namespace} namespace.\n`,
      );
    }
    if (!flags.watch) return;
    const resourceVersion = metadata.resourceVersion ?? '';
    for await (const event of kube.client.watch<Event>(eventResource, { ...where, resourceVersion })) {
      if (event.type === 'ERROR') throw new ApiError(event.object);
      if (event.type !== 'BOOKMARK' && event.type !== 'DELETED' && isWanted(event.object)) show([event.object], false);
    }
  });
}

async function about({ finder }: Kube, word: string): Promise<string> {
  const [type = '', name = ''] = word.split('/');
  if (!name) throw new CliError(`--for must be in resource/name form`);
  const [resource] = await finder.find(type);
  return `involvedObject.kind=${resource?.kind},involvedObject.name=${name}`;
}

function header({ allNamespaces }: EventFlags): string[] {
  return [...(allNamespaces ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
}

function row(event: Event, { allNamespaces }: EventFlags): string[] {
  const { type = '', reason = '', involvedObject, message = '', metadata } = event;
  const object = `${involvedObject?.kind ?? ''}/${involvedObject?.name ?? ''}`;
  return [
    ...(allNamespaces ? [metadata.namespace ?? ''] : []),
    seenText(event, clock.now()),
    type,
    reason,
    object,
    message.trim(),
  ];
}
