import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { ReportPace } from './report-pace.ts';

describe('the pace of reports', () => {
  it('sends a hundred at once and then fifty a second', async () => {
    const clock = createSimulatedClock();
    const pace = new ReportPace(clock);
    let sent = 0;
    for (let i = 0; i < 1000; i++) pace.add(`pod-${i}`, () => sent++);
    expect(sent).toBe(100);
    await clock.advance(2_000);
    expect(sent).toBeGreaterThanOrEqual(198);
    expect(sent).toBeLessThanOrEqual(201);
    pace.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('sends the newest report on a pod only', async () => {
    const clock = createSimulatedClock();
    const pace = new ReportPace(clock);
    const sent: string[] = [];
    for (let i = 0; i < 100; i++) pace.add(`other-${i}`, () => {});
    pace.add('a', () => sent.push('a, first'));
    pace.add('a', () => sent.push('a, second'));
    await clock.advance(1_000);
    expect(sent).toEqual(['a, second']);
  });
});
