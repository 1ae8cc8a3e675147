import { programPostRenderer } from '../../delivery/charts/render/post-renderer.ts';
import type { PrepareOptions } from '../../delivery/charts/render/prepare.ts';
import type { RenderFlags } from './flags.ts';

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
