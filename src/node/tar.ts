/** One entry of a tar archive to write. Owner is root, time is 0: the same entries give the same bytes. */
export interface TarEntry {
  /** Relative, without a leading slash. */
  path: string;
  /** Permission bits. */
  mode: number;
  content: { kind: 'file'; data: Uint8Array } | { kind: 'directory' } | { kind: 'symlink'; target: string };
}

const block = 512;
const typeFlags = { file: '0', symlink: '2', directory: '5' };

/** An archive in the POSIX ustar format (paths up to 100 bytes). */
export function writeTar(entries: readonly TarEntry[]): Uint8Array {
  const parts = entries.flatMap((entry) => {
    const data = entry.content.kind === 'file' ? entry.content.data : new Uint8Array();
    return [header(entry, data.length), data, new Uint8Array((block - (data.length % block)) % block)];
  });
  return Buffer.concat([...parts, new Uint8Array(2 * block)]);
}

function header({ path, mode, content }: TarEntry, size: number): Uint8Array {
  const out = Buffer.alloc(block);
  if (Buffer.byteLength(path) > 100) throw new RangeError(`path too long for a ustar archive: ${path}`);
  const octal = (value: number, offset: number, length: number): void => {
    out.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
  };
  out.write(path, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  out.fill(' ', 148, 156);
  out.write(typeFlags[content.kind], 156);
  if (content.kind === 'symlink') out.write(content.target, 157, 100);
  out.write('ustar\u000000', 257, 'latin1');
  const sum = out.reduce((total, byte) => total + byte, 0);
  out.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return out;
}
