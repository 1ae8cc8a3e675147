import type { NodeSystem } from './node-system.ts';
import type { ProbeResult } from './probe-network.ts';
import type { PayloadFile } from './volume-payload.ts';

/** A machine without disk and network, for simulated nodes: what is written is kept, every probe is answered. */
export interface MemorySystem extends NodeSystem {
  /** Text files by path, and the files of volumes under `<volume directory>/<file>`. */
  readonly content: ReadonlyMap<string, string>;
  /** What network probes get from now on. */
  answerProbes(result: ProbeResult): void;
}

export function createMemorySystem(): MemorySystem {
  const content = new Map<string, string>();
  let answer: ProbeResult = { kind: 'success', output: '' };
  const removeUnder = (path: string): void => {
    for (const key of content.keys()) if (key === path || key.startsWith(`${path}/`)) content.delete(key);
  };
  const bytesUnder = (path: string): number =>
    [...content].reduce((sum, [key, text]) => (key.startsWith(`${path}/`) ? sum + Buffer.byteLength(text) : sum), 0);
  const nothing = (): Promise<void> => Promise.resolve();
  const probe = (): Promise<ProbeResult> => Promise.resolve(answer);
  return {
    content,
    answerProbes: (result) => void (answer = result),
    files: {
      makeDirectory: nothing,
      writeFile: (path, text) => Promise.resolve(void content.set(path, text)),
      readFile: (path) => Promise.resolve(content.get(path)),
      readTail: (path, bytes) => Promise.resolve((content.get(path) ?? '').slice(-bytes)),
      list: () => Promise.resolve([]),
      usedBytes: (paths) => Promise.resolve(paths.map(bytesUnder)),
      remove: (path) => Promise.resolve(removeUnder(path)),
      replacePayload(directory, files: readonly PayloadFile[]) {
        removeUnder(directory);
        for (const file of files) content.set(`${directory}/${file.path}`, Buffer.from(file.data).toString('utf8'));
        return Promise.resolve();
      },
      setGroup: nothing,
      prepareHostPath: nothing,
      resolveSubPath: (root, subPath) => Promise.resolve(`${root}/${subPath}`),
    },
    mounts: { mountTmpfs: nothing, unmountAll: nothing },
    cgroups: { ensure: nothing, freeze: nothing, remove: nothing },
    network: { http: probe, tcp: probe, grpc: probe },
  };
}
