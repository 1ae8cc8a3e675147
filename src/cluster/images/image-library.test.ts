import { describe, expect, it } from 'vitest';
import { imagesToBring, type LibraryImage } from './image-library.ts';

const image = (name: string, digest?: string): LibraryImage => ({
  name,
  archive: `${name}.tar`,
  kind: 'oci',
  sizeBytes: 1,
  renamed: false,
  ...(digest !== undefined && { digest }),
});

describe('what a node is given of the library', () => {
  it('is what it lacks and what it has in another version', () => {
    const wanted = [image('same', 'sha256:1'), image('older', 'sha256:2'), image('missing', 'sha256:3')];
    const present = new Map([
      ['same', 'sha256:1'],
      ['older', 'sha256:0'],
      ['pulled', 'sha256:9'],
    ]);
    expect(imagesToBring(wanted, present).map(({ name }) => name)).toEqual(['older', 'missing']);
  });

  it('is what no node has taken in yet, whatever has its name', () => {
    expect(imagesToBring([image('built-while-down')], new Map([['built-while-down', 'sha256:0']]))).toHaveLength(1);
  });
});
