import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readValues } from '../values/read-values.ts';
import { ReleaseError } from '../release/release.ts';

/** The program that a post-renderer plugin of Helm 4 names, as it is started. */
export interface RendererPlugin {
  command: string;
  args: string[];
  environment: Record<string, string | undefined>;
}

/** `plugin.yaml` (Helm documentation, "Plugins", `apiVersion: v1`). */
interface Manifest {
  name?: string;
  type?: string;
  runtime?: string;
  runtimeConfig?: { platformCommand?: PlatformCommand[] };
}

interface PlatformCommand {
  os?: string;
  arch?: string;
  command?: string;
  args?: string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Looks for a plugin of the type `postrenderer/v1` in directories as `helm plugin install` leaves them. Undefined when no
 * such plugin has the name. Rejects with {@link ReleaseError} when it has no program for this machine.
 */
export async function findRendererPlugin(
  name: string,
  directories: readonly string[],
  environment: Environment,
): Promise<RendererPlugin | undefined> {
  for (const directory of directories) {
    for (const entry of await readdir(directory).catch(() => [])) {
      const own = join(directory, entry);
      const manifest = await manifestIn(own);
      if (manifest?.type !== 'postrenderer/v1' || manifest.name !== name) continue;
      return started(manifest, { ...environment, HELM_PLUGIN_NAME: name, HELM_PLUGIN_DIR: own });
    }
  }
  return undefined;
}

/** Other plugins, and what is none, are no matter. */
async function manifestIn(directory: string): Promise<Manifest | undefined> {
  try {
    return readValues(await readFile(join(directory, 'plugin.yaml'), 'utf8'));
  } catch {
    return undefined;
  }
}

function started({ name = '', runtime, runtimeConfig }: Manifest, environment: Environment): RendererPlugin {
  if (runtime !== undefined && runtime !== 'subprocess')
    throw new ReleaseError(`plugin ${name} needs the runtime ${runtime}: only subprocess is known`);
  const chosen = forThisMachine(runtimeConfig?.platformCommand ?? []);
  const [command = '', ...words] = (chosen?.command ?? '').split(' ');
  if (command === '') throw new ReleaseError(`plugin ${name}: no plugin command is applicable`);
  const filled = (text: string): string =>
    text.replace(
      /\$(?:\{(\w+)\}|(\w+))/g,
      (_, braced?: string, bare?: string) => environment[braced ?? bare ?? ''] ?? '',
    );
  return {
    command: filled(command),
    args: [...words, ...(chosen?.args ?? [])].map(filled),
    environment: { ...environment },
  };
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** That of this system and architecture, else that of the system alone, else that of neither. */
function forThisMachine(commands: readonly PlatformCommand[]): PlatformCommand | undefined {
  const arch = architectures[process.arch] ?? process.arch;
  const isFor = (one: PlatformCommand, os: string, of: string): boolean =>
    (one.os ?? '').toLowerCase() === os && (one.arch ?? '').toLowerCase() === of;
  return (
    commands.find((one) => isFor(one, process.platform, arch)) ??
    commands.find((one) => isFor(one, process.platform, '')) ??
    commands.find((one) => isFor(one, '', ''))
  );
}
