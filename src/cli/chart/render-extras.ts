import { programPostRenderer } from '../../delivery/charts/render/post-renderer.ts';
import type { PrepareOptions } from '../../delivery/charts/render/prepare.ts';
import { InvalidYamlError } from '../../delivery/charts/render/render-error.ts';
import type { ClusterFlags, RenderFlags } from './flags.ts';

/** What rendering gets of the machine, where flags ask for it. */
export function renderExtras(flags: RenderFlags): Pick<PrepareOptions, 'postRenderer' | 'resolveHost'> {
  return {
    ...(flags.postRenderer !== undefined && {
      postRenderer: programPostRenderer(flags.postRenderer, flags.postRendererArgs),
    }),
    ...(flags.enableDns && { resolveHost: addressesOf }),
  };
}

async function addressesOf(name: string): Promise<string[]> {
  const { resolve4, resolve6 } = await import('node:dns/promises');
  const found = await Promise.all([resolve4(name).catch(() => []), resolve6(name).catch(() => [])]);
  return found.flat();
}

/** With `--debug` what was rendered is shown even where it is no YAML: that is how one finds out why. */
export async function showingInvalid<T>(flags: ClusterFlags, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (flags.debug && error instanceof InvalidYamlError) {
      for (const [path, text] of error.rendered) {
        if (text.trim() !== '') process.stdout.write(`---\n# Source: ${path}\n${text.trim()}\n`);
      }
    }
    throw error;
  }
}
