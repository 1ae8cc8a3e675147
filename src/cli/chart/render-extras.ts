import { type PostRenderer, programPostRenderer } from '../../delivery/charts/render/post-renderer.ts';
import type { PrepareOptions } from '../../delivery/charts/render/prepare.ts';
import { InvalidYamlError } from '../../delivery/charts/render/render-error.ts';
import type { ClusterFlags, RenderFlags } from './flags.ts';

/** What rendering gets of the machine, where flags ask for it. */
export async function renderExtras(flags: RenderFlags): Promise<Pick<PrepareOptions, 'postRenderer' | 'resolveHost'>> {
  const { postRenderer, postRendererArgs } = flags;
  return {
    ...(postRenderer !== undefined && { postRenderer: await rendererOf(postRenderer, postRendererArgs) }),
    ...(flags.enableDns && { resolveHost: addressesOf }),
  };
}

/** The name of a plugin, as Helm 4 has it, or else a program, as Helm 3 has it. */
async function rendererOf(name: string, args: readonly string[]): Promise<PostRenderer> {
  const { findRendererPlugin } = await import('../../delivery/charts/render/renderer-plugin.ts');
  const { helmPaths } = await import('../../delivery/charts/repository/repositories.ts');
  const plugin = await findRendererPlugin(name, helmPaths(process.env).plugins, process.env);
  if (!plugin) return programPostRenderer(name, args);
  return programPostRenderer(plugin.command, [...plugin.args, ...args], plugin.environment);
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
      error.isShown = true;
      for (const [path, text] of error.rendered) {
        if (text.trim() !== '') process.stdout.write(`---\n# Source: ${path}\n${text.trim()}\n`);
      }
    }
    throw error;
  }
}
