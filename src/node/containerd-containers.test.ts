import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imageStopSignal } from './containerd-containers.ts';

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
