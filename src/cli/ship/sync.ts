import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { pods } from '../../client/resources.ts';
import type { ChangePlan } from '../../delivery/pipeline/watch-plan.ts';
import { CliError } from '../errors.ts';
import { runInPod } from '../compose/run-in-pod.ts';
import type { ShipImages } from './images.ts';
import type { ShipTarget } from './target.ts';

/** Written beside its place and moved there: nobody reads half a file. */
const write = 'mkdir -p "$(dirname "$1")" && cat > "$1.timonel" && chmod "$2" "$1.timonel" && mv "$1.timonel" "$1"';

/** Copies changed files into every container that runs the image they belong to; what is gone here goes there. */
export async function syncFiles(
  target: ShipTarget,
  {
    files,
    directory,
    images,
  }: Pick<Extract<ChangePlan, { kind: 'sync' }>, 'files'> & { directory: string; images: ShipImages },
): Promise<void> {
  const { client, namespace } = target;
  const { items } = await client.list(pods, { namespace });
  for (const { path, to, image } of files) {
    const reference = images.references[image]?.reference;
    const running = items.flatMap((pod) => {
      const container = pod.spec?.containers.find((each) => each.image === reference);
      const isRunning = pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp;
      return container && isRunning ? [{ name: pod.metadata.name ?? '', container: container.name }] : [];
    });
    if (running.length === 0) throw new CliError(`no container runs ${reference ?? image}`);
    const info = statSync(join(directory, path), { throwIfNoEntry: false });
    if (info?.isDirectory()) continue;
    for (const { name, container } of running) {
      const command = info ? ['sh', '-c', write, 'sh', to, (info.mode & 0o777).toString(8)] : ['rm', '-rf', to];
      const words: string[] = [];
      const code = await runInPod(
        client,
        { name, namespace },
        {
          command,
          container,
          ...(info && { stdin: createReadStream(join(directory, path)) }),
          onStderr: (data) => words.push(data.toString()),
        },
      );
      if (code !== 0) throw new CliError(`${to} cannot be written in pod ${name}: ${words.join('').trim()}`);
    }
    target.say(`sync ${path} -> ${to} (${running.length} containers)`);
  }
}
