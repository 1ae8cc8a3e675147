import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Resource } from '../../client/client.ts';
import { openPodLogs } from '../../client/pod-streams.ts';
import {
  daemonSets,
  deployments,
  events,
  namespaces as namespaceResource,
  nodes,
  pods,
  replicaSets,
  replicationControllers,
  services,
} from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { type ObjectPrinter, objectPrinter } from './print-objects.ts';
import { typed } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface DumpFlags extends KubeFlags {
  outputDirectory?: string;
  namespaces?: string[];
  allNamespaces?: boolean;
  output?: string;
}

/** What is told of each namespace, by the names that kubectl gives the files. */
const told: readonly [string, Resource<KubeObject>][] = [
  ['events', events],
  ['replication-controllers', replicationControllers],
  ['services', services],
  ['daemonsets', daemonSets],
  ['deployments', deployments],
  ['replicasets', replicaSets],
  ['pods', pods],
];

/** `timonel cluster-info dump`: nodes, and of each namespace its objects, events and logs; to stdout, or a directory. */
export async function clusterDump(flags: DumpFlags): Promise<void> {
  const { outputDirectory = '', output = 'json' } = flags;
  const printer = await objectPrinter(output);
  if (!printer) throw new CliError(`unable to match a printer suitable for the output format "${output}"`);
  const directory = outputDirectory === '-' ? '' : outputDirectory;
  const extension = output === 'json' || output === 'yaml' ? `.${output}` : '.txt';
  await withKube(flags, async (kube) => {
    const dump = new Dump(kube, { directory, extension, printer });
    await dump.list('nodes', nodes, undefined);
    const all = async (): Promise<string[]> =>
      (await kube.client.list(namespaceResource, {})).items.map(({ metadata }) => metadata.name ?? '');
    const chosen = flags.namespaces?.length ? flags.namespaces : ['kube-system', kube.namespace];
    for (const namespace of flags.allNamespaces ? await all() : chosen) {
      for (const [name, resource] of told) await dump.list(join(namespace, name), resource, namespace);
      const { items } = await kube.client.list(pods, { namespace });
      for (const pod of items) await dump.logs(pod);
    }
    if (directory !== '') process.stdout.write(`Cluster info dumped to ${directory}\n`);
  });
}

class Dump {
  readonly #kube: Kube;
  readonly #to: { directory: string; extension: string; printer: ObjectPrinter };

  constructor(kube: Kube, to: { directory: string; extension: string; printer: ObjectPrinter }) {
    this.#kube = kube;
    this.#to = to;
  }

  async list(name: string, resource: Resource<KubeObject>, namespace: string | undefined): Promise<void> {
    const { items, metadata } = await this.#kube.client.list(resource, namespace === undefined ? {} : { namespace });
    const { apiVersion } = typed(resource, {});
    const list = { kind: `${resource.kind}List`, apiVersion, metadata, items } as unknown as AnyObject;
    await this.#write(`${name}${this.#to.extension}`, (out) => void out.write(this.#to.printer.print(list)));
  }

  async logs({ metadata, spec }: Pod): Promise<void> {
    const { name = '', namespace = '' } = metadata;
    await this.#write(join(namespace, name, 'logs.txt'), async (out) => {
      for (const { name: container } of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
        const title = `logs for container ${container} of pod ${namespace}/${name} ====\n`;
        out.write(`==== START ${title}`);
        try {
          const log = await openPodLogs(this.#kube.client, { name, namespace }, { container });
          for await (const chunk of log) out.write(chunk as Buffer);
        } catch (error) {
          out.write(`Request log error: ${(error as Error).message}\n`);
        }
        out.write(`==== END ${title}`);
      }
    });
  }

  async #write(name: string, write: (out: Writable) => void | Promise<void>): Promise<void> {
    const { directory } = this.#to;
    if (directory === '') return write(process.stdout);
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    const file = createWriteStream(path);
    await write(file);
    file.end();
    await once(file, 'close');
  }
}
