import { randomFillSync, randomUUID } from 'node:crypto';

/** Randomness, as everyone in the house sees it: a seeded one replays a run exactly. */
export interface Random {
  /** A number in [0, 1). */
  float(): number;
  /** A whole number in [0, limit). */
  int(limit: number): number;
  /** A version 4 UUID (RFC 9562). */
  uuid(): string;
}

/** The letters that Kubernetes uses for generated names: no vowels, and nothing that looks like another. */
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A suffix as `generateName` and the replica set controller append it; `length` letters. */
export function nameSuffix(random: Random, length = 5): string {
  let suffix = '';
  for (let i = 0; i < length; i++) suffix += nameAlphabet[random.int(nameAlphabet.length)];
  return suffix;
}

/** Asking the machine costs more than many numbers: they are fetched a page at a time, and each is used once. */
const page = new Uint32Array(1024);
let used = page.length;

function systemFloat(): number {
  if (used === page.length) {
    randomFillSync(page);
    used = 0;
  }
  return (page[used++] as number) / 2 ** 32;
}

/** The machine's own randomness. */
export const systemRandom: Random = {
  float: systemFloat,
  int: (limit) => Math.floor(systemFloat() * limit),
  uuid: () => randomUUID(),
};

/** A reproducible source: the same 32-bit seed gives the same sequence (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (limit: number): number => Math.floor(next() * limit);
  return {
    float: next,
    int,
    uuid() {
      const hex = Array.from({ length: 32 }, () => int(16).toString(16));
      hex[12] = '4';
      hex[16] = (8 + int(4)).toString(16);
      const s = hex.join('');
      return `${s.slice(0, 8)}-${s.slice(8, 12)}-${s.slice(12, 16)}-${s.slice(16, 20)}-${s.slice(20)}`;
    },
  };
}
