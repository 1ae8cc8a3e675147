import { describe, expect, it } from 'vitest';
import { spdyDictionary } from './spdy-dictionary.ts';
import { FrameDecoder, FrameEncoder } from './spdy-frames.ts';
import type { Frame } from './spdy-frames.ts';

const frames: Frame[] = [
  { kind: 'synStream', streamId: 1, fin: false, headers: { streamtype: 'error' } },
  { kind: 'synStream', streamId: 3, fin: true, headers: { streamtype: 'stdin', port: '8080', requestid: '0' } },
  { kind: 'synReply', streamId: 1, fin: false, headers: {} },
  { kind: 'headers', streamId: 3, fin: false, headers: { version: 'HTTP/1.1', url: '/x' } },
  { kind: 'rstStream', streamId: 3, status: 5 },
  {
    kind: 'settings',
    settings: [
      { id: 4, value: 100 },
      { id: 7, value: 65536 },
    ],
  },
  { kind: 'ping', id: 4294967295 },
  { kind: 'goAway', lastStreamId: 3, status: 0 },
  { kind: 'windowUpdate', streamId: 1, delta: 65536 },
  { kind: 'data', streamId: 1, fin: false, data: Buffer.from('hello') },
  { kind: 'data', streamId: 1, fin: true, data: Buffer.alloc(0) },
];

describe('SPDY frames', () => {
  it('come back as they were sent, headers of one session through one compressor', () => {
    const encoder = new FrameEncoder();
    const decoder = new FrameDecoder();
    expect(frames.flatMap((frame) => decoder.push(encoder.encode(frame)))).toEqual(frames);
  });

  it('are found in pieces of any size', () => {
    for (const size of [1, 2, 7, 9, 64]) {
      const encoder = new FrameEncoder();
      const bytes = Buffer.concat(frames.map((frame) => encoder.encode(frame)));
      const decoder = new FrameDecoder();
      const found: Frame[] = [];
      for (let i = 0; i < bytes.length; i += size) found.push(...decoder.push(bytes.subarray(i, i + size)));
      expect(found).toEqual(frames);
    }
  });

  it('carry header blocks longer than one stored block', () => {
    const headers = { long: 'x'.repeat(100_000) };
    const [frame] = new FrameDecoder().push(
      new FrameEncoder().encode({ kind: 'headers', streamId: 1, fin: false, headers }),
    );
    expect(frame).toEqual({ kind: 'headers', streamId: 1, fin: false, headers });
  });

  it('are laid out as the protocol says', () => {
    const encoder = new FrameEncoder();
    expect(encoder.encode({ kind: 'ping', id: 1 }).toString('hex')).toBe('800300060000000400000001');
    const data: Frame = { kind: 'data', streamId: 3, fin: true, data: Buffer.from('ab') };
    expect(encoder.encode(data).toString('hex')).toBe('00000003010000026162');
    expect(encoder.encode({ kind: 'rstStream', streamId: 1, status: 5 }).toString('hex')).toBe(
      '80030003000000080000000100000005',
    );
  });

  it('start from the dictionary whose checksum every peer knows', () => {
    expect(spdyDictionary).toHaveLength(1423);
    const frame: Frame = { kind: 'synReply', streamId: 1, fin: false, headers: {} };
    expect(new FrameEncoder().encode(frame).subarray(12, 18).toString('hex')).toBe('78bbe3c6a7c2');
  });

  it('of another protocol are refused', () => {
    expect(() => new FrameDecoder().push(Buffer.from('HTTP/1.1 400 Bad Request'))).toThrow();
    expect(() => new FrameDecoder().push(Buffer.from('8002000600000004', 'hex'))).not.toThrow();
    expect(() => new FrameDecoder().push(Buffer.from('800200060000000400000001', 'hex'))).toThrow('SPDY/3');
  });
});
