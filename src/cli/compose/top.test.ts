import { describe, expect, it } from 'vitest';
import { processesOf } from './top.ts';

/** /proc/PID/stat with the fields that matter here: parent, terminal, processor time and start in hundredths. */
function stat(
  pid: number,
  comm: string,
  fields: { ppid: number; tty?: number; ticks?: number; start: number },
): string {
  const { ppid, tty = 0, ticks = 0, start } = fields;
  return `${pid} (${comm}) S ${ppid} 1 1 ${tty} -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${start} 0 0`;
}

const now = new Date(2026, 0, 15, 12, 30).getTime();
const day = 24 * 3600;

describe('processes', () => {
  it('have the columns of ps -ef', () => {
    const text = [
      String(2 * day),
      `0\t${stat(1, 'pause', { ppid: 0, start: 100 })}\t/pause `,
      `0\t${stat(7, 'sh', { ppid: 0, start: (2 * day - 60) * 100, ticks: 1500 })}\tsh -c sleep `,
      `1000\t${stat(8, 'a) (b', { ppid: 7, tty: 136 * 256 + 3, start: day * 100, ticks: 372_300 })}\t`,
      '',
    ].join('\n');
    expect(processesOf(text, now)).toEqual([
      ['root', '7', '0', '25', '12:29', '?', '00:00:15', 'sh -c sleep'],
      ['1000', '8', '7', '4', 'Jan14', 'pts/3', '01:02:03', '[a) (b]'],
    ]);
  });

  it('are none where nothing was listed', () => {
    expect(processesOf('', now)).toEqual([]);
  });
});
