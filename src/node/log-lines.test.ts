import { describe, expect, it } from 'vitest';
import { LogDecoder, parseLogOptions, timeToNs } from './log-lines.ts';
import type { LogOptions } from './log-lines.ts';

const all: LogOptions = {
  follow: false,
  timestamps: false,
  sinceNs: undefined,
  tailLines: undefined,
  limitBytes: undefined,
  stream: 'All',
};
const log = Buffer.from(
  `2026-01-01T00:00:00.000000001Z stdout F one
2026-01-01T00:00:01.5Z stderr F oops
2026-01-01T00:00:02Z stdout P a long
2026-01-01T00:00:03Z stdout F  line
2026-01-01T00:00:04+01:00 stdout F
2026-01-01T00:00:05Z stdout F last
`,
);
const read = (options: Partial<LogOptions>): string => new LogDecoder({ ...all, ...options }).push(log).toString();

describe('container logs', () => {
  it('join partial entries into lines', () => {
    expect(read({})).toBe('one\noops\na long line\n\nlast\n');
  });

  it('come in pieces of any size', () => {
    const decoder = new LogDecoder(all);
    let text = '';
    for (let i = 0; i < log.length; i += 7) text += decoder.push(log.subarray(i, i + 7)).toString();
    expect(text).toBe(read({}));
  });

  it('show the time once a line', () => {
    expect(read({ timestamps: true }).split('\n').slice(1, 3)).toEqual([
      '2026-01-01T00:00:01.5Z oops',
      '2026-01-01T00:00:02Z a long line',
    ]);
  });

  it('can be cut by stream, time and size', () => {
    expect(read({ stream: 'Stderr' })).toBe('oops\n');
    expect(read({ sinceNs: timeToNs('2026-01-01T00:00:03Z') })).toBe(' line\nlast\n');
    expect(read({ limitBytes: 6 })).toBe('one\noo');
  });

  it('options are read from the query, and wrong ones are named', () => {
    const now = Date.parse('2026-01-01T00:01:00Z');
    const query = new URLSearchParams('follow=true&tailLines=10&sinceSeconds=60&timestamps=false');
    expect(parseLogOptions(query, now)).toEqual({
      ...all,
      follow: true,
      tailLines: 10,
      sinceNs: timeToNs('2026-01-01T00:00:00Z'),
    });
    expect(() => parseLogOptions(new URLSearchParams('tailLines=x'), now)).toThrow('invalid tailLines: "x"');
  });
});
