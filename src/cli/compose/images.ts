import { nodes as nodesResource, pods as podsResource } from '../../client/resources.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { normaliseImageName } from '../../cluster/images/image-library.ts';
import { projectSelector } from '../../delivery/compose/run/workloads.ts';
import { serviceLabel } from '../../delivery/compose/translate/names.ts';
import { dockerSize } from '../docker-units.ts';
import { createOutput, table } from '../output.ts';
import type { ComposeFlags } from './commands.ts';
import { requireServices, withProject } from './connection.ts';

export interface ImagesFlags extends ComposeFlags {
  quiet?: boolean;
  format: 'table' | 'json';
}

/** One container's image, as docker compose's JSON names it. */
interface ContainerImage {
  ID: string;
  ContainerName: string;
  Repository: string;
  Tag: string;
  Platform: string;
  Size: number;
}

/** `timonel compose images`: what the containers were made from. */
export async function images(services: readonly string[], flags: ImagesFlags): Promise<void> {
  await withProject(flags, async (session) => {
    requireServices(session, services);
    const { client, namespace, project } = session.context;
    const [pods, nodes] = await Promise.all([
      client.list(podsResource, { namespace, labelSelector: projectSelector(project) }),
      client.list(nodesResource, {}),
    ]);
    const rows = pods.items
      .filter(({ metadata }) => services.length === 0 || services.includes(metadata.labels?.[serviceLabel] ?? ''))
      .map((pod) => imageOf(pod, nodes.items))
      .toSorted((a, b) => (a.ContainerName < b.ContainerName ? -1 : 1));
    const output = createOutput();
    if (flags.quiet) return [...new Set(rows.map(({ ID }) => digestOf(ID)))].forEach((id) => output.data(id));
    if (flags.format === 'json') return output.data(JSON.stringify(rows));
    const header = ['CONTAINER', 'REPOSITORY', 'TAG', 'PLATFORM', 'IMAGE ID', 'SIZE', 'CREATED'];
    output.data(table(header, rows.map(cellsOf)));
  });
}

/** Nodes do not tell when an image was made. */
function cellsOf({ ContainerName, Repository, Tag, Platform, ID, Size }: ContainerImage): string[] {
  return [ContainerName, Repository, Tag, Platform, digestOf(ID).slice(0, 12), dockerSize(Size), 'N/A'];
}

function digestOf(id: string): string {
  return id.replace(/^sha256:/, '');
}

function imageOf({ metadata, spec, status }: Pod, nodes: readonly Node[]): ContainerImage {
  const image = spec?.containers[0]?.image ?? '';
  const colon = image.lastIndexOf(':');
  const hasTag = colon > image.lastIndexOf('/');
  const node = nodes.find((each) => each.metadata.name === spec?.nodeName);
  const name = normaliseImageName(image);
  const known = node?.status?.images?.find(({ names }) => names?.includes(name));
  const { operatingSystem, architecture } = node?.status?.nodeInfo ?? {};
  return {
    ID: (status?.containerStatuses?.[0]?.imageID ?? '').replace(/^.*(?=sha256:)/, ''),
    ContainerName: metadata.name ?? '',
    Repository: hasTag ? image.slice(0, colon) : image,
    Tag: hasTag ? image.slice(colon + 1) : 'latest',
    Platform: node ? `${operatingSystem}/${architecture}` : '',
    Size: known?.sizeBytes ?? 0,
  };
}
