import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../base/simulated-clock.ts';
import type { Container, Pod } from '../api/types/core-v1.ts';
import type { ProbeResult } from './probe-network.ts';
import { createProber, type Prober, type RunningContainer } from './prober.ts';

const pod: Pod = { metadata: { name: 'web' } };
let clock: SimulatedClock;
let answers: Record<string, ProbeResult>;
let asked: string[];
let events: string[];
let prober: Prober;

beforeEach(() => {
  clock = createSimulatedClock();
  answers = {};
  asked = [];
  events = [];
  const names = { startup: 1, liveness: 2, readiness: 3 } as Record<string, number>;
  prober = createProber({
    clock,
    random: seededRandom(1),
    agentStartedMs: 0,
    probe: (_, probe) => {
      const type = Object.keys(names).find((name) => names[name] === probe.tcpSocket?.port) ?? '';
      asked.push(type);
      return Promise.resolve(answers[type] ?? { kind: 'success', output: '' });
    },
    record: (_, type, reason, message) => events.push(`${type} ${reason} ${message}`),
    changed: () => undefined,
  });
});

function running(probes: Partial<Container>): RunningContainer {
  const container = { role: 'app' as const, spec: { name: 'app', ...probes } };
  return { container, containerId: 'c1', startedAtMs: clock.now() };
}

const failure: ProbeResult = { kind: 'failure', output: 'HTTP probe failed with statuscode: 500' };
const readinessProbe = { tcpSocket: { port: 3 }, periodSeconds: 10 };
const livenessProbe = { tcpSocket: { port: 2 }, periodSeconds: 5, failureThreshold: 2 };
const startupProbe = { tcpSocket: { port: 1 }, periodSeconds: 1, failureThreshold: 3 };

describe('readiness', () => {
  it('is asked at once, so that a quick container is ready at once', async () => {
    prober.update(pod, [running({ readinessProbe })]);
    expect(prober.verdictOf('c1').ready).toBe(false);
    await clock.advance(0);
    expect(prober.verdictOf('c1').ready).toBe(true);
  });

  it('is lost after three failures, each of them an event, and found again by one success', async () => {
    prober.update(pod, [running({ readinessProbe })]);
    await clock.advance(0);
    answers['readiness'] = failure;
    await clock.advance(20_000);
    expect(prober.verdictOf('c1').ready).toBe(true);
    await clock.advance(10_000);
    expect(prober.verdictOf('c1').ready).toBe(false);
    expect(events[0]).toBe('Warning Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 500');
    expect(events).toHaveLength(3);
    delete answers['readiness'];
    await clock.advance(10_000);
    expect(prober.verdictOf('c1').ready).toBe(true);
  });

  it('waits for its initial delay', async () => {
    prober.update(pod, [running({ readinessProbe: { ...readinessProbe, initialDelaySeconds: 7 } })]);
    await clock.advance(6999);
    expect(asked).toEqual([]);
    await clock.advance(1);
    expect(asked).toEqual(['readiness']);
  });
});

describe('liveness', () => {
  it('fails after its threshold and is not asked again', async () => {
    answers['liveness'] = failure;
    prober.update(pod, [running({ livenessProbe })]);
    await clock.advance(0);
    expect(prober.verdictOf('c1').failed).toBe('none');
    await clock.advance(5000);
    expect(prober.verdictOf('c1').failed).toBe('liveness');
    await clock.advance(60_000);
    expect(asked).toHaveLength(2);
  });

  it('is not judged by a probe that could not be made', async () => {
    answers['liveness'] = { kind: 'unknown', output: 'no runtime' };
    prober.update(pod, [running({ livenessProbe })]);
    await clock.advance(30_000);
    expect(prober.verdictOf('c1').failed).toBe('none');
    expect(events[0]).toBe('Warning Unhealthy Liveness probe errored and resulted in unknown state: no runtime');
  });

  it('is not asked of a pod that is going, while readiness is', async () => {
    const target = running({ livenessProbe, readinessProbe });
    prober.update(pod, [target]);
    await clock.advance(0);
    prober.update({ metadata: { ...pod.metadata, deletionTimestamp: 'now' } }, [target]);
    asked = [];
    await clock.advance(10_000);
    expect(asked).toEqual(['readiness']);
  });
});

describe('startup', () => {
  it('holds the other probes back until it succeeds, then calls them at once', async () => {
    answers['startup'] = failure;
    prober.update(pod, [running({ startupProbe, livenessProbe, readinessProbe })]);
    await clock.advance(1500);
    expect(new Set(asked)).toEqual(new Set(['startup']));
    expect(prober.verdictOf('c1')).toMatchObject({ started: false, ready: false });
    delete answers['startup'];
    await clock.advance(500);
    expect(prober.verdictOf('c1')).toMatchObject({ started: true, ready: true, failed: 'none' });
    asked = [];
    await clock.advance(20_000);
    expect(asked).not.toContain('startup');
  });

  it('asks for a restart when it fails too often', async () => {
    answers['startup'] = failure;
    prober.update(pod, [running({ startupProbe })]);
    await clock.advance(3000);
    expect(prober.verdictOf('c1').failed).toBe('startup');
  });
});

it('sets no timer for containers that are gone', async () => {
  prober.update(pod, [running({ readinessProbe, livenessProbe })]);
  await clock.advance(0);
  prober.update(pod, []);
  expect(clock.pendingTimers).toBe(0);
});

describe('a healthcheck', () => {
  it('is unhealthy after its failures in a row, those of its start period and first interval apart', async () => {
    prober.update(pod, [{ ...running({ readinessProbe }), startPeriodMs: 15_000 }]);
    answers['readiness'] = failure;
    // At 0 and 10 seconds they do not count, at 20, 30 and 40 they do.
    await clock.advance(39_000);
    expect(prober.verdictOf('c1').unhealthy).toBe(false);
    await clock.advance(1000);
    expect(prober.verdictOf('c1')).toMatchObject({ ready: false, unhealthy: true });
    answers['readiness'] = { kind: 'success', output: '' };
    await clock.advance(10_000);
    expect(prober.verdictOf('c1')).toMatchObject({ ready: true, unhealthy: false });
    answers['readiness'] = { kind: 'unknown', output: 'no such file' };
    await clock.advance(30_000);
    expect(prober.verdictOf('c1').unhealthy).toBe(true);
  });

  it('begins to count with its first success', async () => {
    prober.update(pod, [{ ...running({ readinessProbe }), startPeriodMs: 600_000 }]);
    await clock.advance(0);
    answers['readiness'] = failure;
    await clock.advance(30_000);
    expect(prober.verdictOf('c1').unhealthy).toBe(true);
  });

  it('is nothing that other pods have', async () => {
    prober.update(pod, [running({ readinessProbe })]);
    answers['readiness'] = failure;
    await clock.advance(60_000);
    expect(prober.verdictOf('c1').unhealthy).toBe(false);
  });
});
