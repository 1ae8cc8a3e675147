import { describe, expect, it } from 'vitest';
import type { ImageInfo } from '../../node/runtime.ts';
import { isUsedOn, prunableImages, type PruneFacts } from './image-removal.ts';

const image = (id: string, more: Partial<ImageInfo> = {}): ImageInfo => ({
  id,
  tags: [],
  digests: [],
  sizeBytes: 1,
  pinned: false,
  ...more,
});
const owned = (name: string, takenInMs = 0): PruneFacts['library'][number] => ({
  name,
  takenInMs,
  archive: `${name}.tar`,
  kind: 'oci',
  sizeBytes: 1,
  renamed: false,
});

const facts: PruneFacts = {
  library: [owned('run'), owned('named'), owned('old', 10), owned('new', 20)],
  nodes: [
    {
      images: [
        image('1', { tags: ['run'] }),
        image('2', { tags: ['old', 'pulled'] }),
        image('3'),
        image('4', { digests: ['pulled@sha256:4'] }),
        image('5'),
        image('6', { pinned: true }),
        image('8', { tags: ['timonel.local/pause:1'] }),
      ],
      used: new Set(['1', '5']),
    },
    // The other node's container needs what is idle here.
    { images: [image('7', { tags: ['cron', 'idle'] }), image('5')], used: new Set() },
  ],
  named: new Set(['named', 'cron']),
  before: undefined,
};

describe('image prune', () => {
  it('removes what has no name and no container', () => {
    expect(prunableImages(facts, false)).toEqual({ names: [], ids: ['3'] });
  });

  it('removes with --all what no container was made from and no object names', () => {
    expect(prunableImages(facts, true)).toEqual({ names: ['idle', 'new', 'old', 'pulled'], ids: ['3', '4'] });
  });

  it('removes with a time only what is known to be older', () => {
    expect(prunableImages({ ...facts, before: 20 }, true)).toEqual({ names: ['old'], ids: [] });
  });
});

describe('an image of a node', () => {
  it('is used under all of its names', () => {
    const node = { images: [image('1', { tags: ['a', 'b'] })], used: new Set(['1']) };
    expect([isUsedOn(node, 'a'), isUsedOn(node, 'b'), isUsedOn(node, 'c')]).toEqual([true, true, false]);
    expect(isUsedOn({ images: [], used: new Set(['a']) }, 'a')).toBe(true);
    const pause = 'timonel.local/pause:1';
    expect(isUsedOn({ images: [image('1', { tags: [pause] })], used: new Set() }, pause)).toBe(true);
  });
});
