import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imageStopSignal, settleContainer } from './containerd-containers.ts';
import type { ContainerdServices } from './containerd-services.ts';
import type { SecurityOptions } from './runtime.ts';

describe("the signal that ends an image's containers", () => {
  const directory = mkdtempSync(join(tmpdir(), 'stop-signal-'));
  const contents = { contentRoot: () => Promise.resolve(directory) };
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  afterAll(() => rmSync(directory, { recursive: true }));

  const signalOf = (config: object): Promise<number | undefined> => {
    writeFileSync(join(directory, 'blobs/sha256/abc'), JSON.stringify(config));
    return imageStopSignal(contents, 'sha256:abc');
  };
  const { SIGTERM, SIGQUIT } = constants.signals;

  it('is SIGTERM unless the image says otherwise', async () => {
    expect(await signalOf({})).toBe(SIGTERM);
    expect(await signalOf({ config: { StopSignal: '' } })).toBe(SIGTERM);
    for (const StopSignal of ['SIGQUIT', 'quit', `${SIGQUIT}`]) {
      expect(await signalOf({ config: { StopSignal } })).toBe(SIGQUIT);
    }
  });

  it('is known to the runtime alone when it has no number here, or the configuration is not there', async () => {
    expect(await signalOf({ config: { StopSignal: 'SIGRTMIN+3' } })).toBeUndefined();
    expect(await imageStopSignal(contents, 'sha256:gone')).toBeUndefined();
  });
});

describe('a container that has been made', () => {
  const made = JSON.stringify({ process: { user: { uid: 0, additionalGids: [0, 10, 3000] } } });

  async function specAfter(security: Partial<SecurityOptions>): Promise<string | undefined> {
    let spec: string | undefined;
    const changeSpec: ContainerdServices['changeSpec'] = (_, change) => Promise.resolve(void (spec = change(made)));
    const config = { mounts: [], security: { privileged: false, ...security } };
    await settleContainer({ changeSpec } as unknown as ContainerdServices, 'c', config);
    return spec;
  }

  it('stays as it is where nothing is asked for that CRI has no field for', async () => {
    expect(await specAfter({ supplementalGroups: [3000] })).toBeUndefined();
  });

  it('loses the groups of its image where the pod is strict about them, whatever else it asks for', async () => {
    const spec = await specAfter({ supplementalGroups: [3000], strictGroups: true });
    expect(JSON.parse(spec ?? '')).toMatchObject({ process: { user: { uid: 0, additionalGids: [3000] } } });
  });
});
