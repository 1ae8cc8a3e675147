import { describe, expect, it } from 'vitest';
import {
  bool,
  bytes,
  decode,
  encode,
  int,
  ints,
  list,
  message,
  nested,
  string,
  stringMap,
  strings,
} from './protobuf.ts';

const point = message({ x: int(1), y: int(2) });
const everything = message({
  name: string(1),
  big: int(2),
  on: bool(3),
  data: bytes(4),
  at: nested(5, point),
  words: strings(16),
  numbers: ints(17),
  points: list(18, point),
  labels: stringMap(19),
});

describe('protobuf', () => {
  it('gives back what was put in', () => {
    const value = {
      name: 'ä',
      big: 17e11,
      on: true,
      data: Uint8Array.of(0, 255),
      at: {
        x: -1,
        y: -1e3,
      },
      words: ['', 'b'],
      numbers: [0, 300, -7],
      points: [
        {
          x: 0,
          y: 0,
        },
        {
          x: 1,
          y: 2,
        },
      ],
      labels: {
        a: '',
        b: 'c',
      },
    };
    const read = decode(everything, encode(everything, value));
    expect({ ...read, data: Uint8Array.from(read.data) }).toEqual(value);
  });

  it('writes the bytes of the specification', () => {
    expect(Buffer.from(encode(point, { x: 150 })).toString('hex')).toBe('089601');
    expect(Buffer.from(encode(point, { x: -1 })).toString('hex')).toBe('08ffffffffffffffffff01');
    expect(Buffer.from(encode(everything, { numbers: [3, 270, 86942] })).toString('hex')).toBe('8a0106038e029ea705');
  });

  it('leaves defaults out, except an empty message that is there', () => {
    expect(encode(everything, { name: '', big: 0, on: false, words: [] })).toHaveLength(0);
    expect(decode(everything, encode(everything, { at: { x: 0 } })).at).toEqual({ x: 0, y: 0 });
    expect(decode(everything, new Uint8Array()).at).toBeUndefined();
  });

  it('skips fields it does not know', () => {
    const more = message({ x: int(1), new: string(9), fixed: nested(10, point) });
    expect(decode(point, encode(more, { x: 5, new: 'text', fixed: { y: 1 } }))).toEqual({ x: 5, y: 0 });
  });

  it('refuses bytes that end too early', () => {
    const cut = encode(everything, { name: 'abc' }).subarray(0, 3);
    expect(() => decode(everything, cut)).toThrow(RangeError);
  });
});
