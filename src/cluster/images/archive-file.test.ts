import { describe, expect, it } from 'vitest';
import { archiveKind } from './archive-file.ts';

describe('an archive of images', () => {
  it('is recognised by its entries', () => {
    expect(archiveKind(['oci-layout', 'index.json', 'blobs/', 'blobs/sha256/'])).toBe('oci');
    expect(archiveKind(['./oci-layout', './index.json', './manifest.json'])).toBe('oci');
    expect(archiveKind(['manifest.json', 'repositories', 'abc/layer.tar'])).toBe('docker');
    expect(archiveKind(['./', './bin', './etc/', './etc/passwd'])).toBe('root-filesystem');
    expect(archiveKind(['README', 'src/main.c'])).toBeUndefined();
    expect(archiveKind([''])).toBeUndefined();
  });
});
