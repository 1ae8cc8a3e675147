import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { validateLifecycle } from './kinds/core/probe-validation.ts';
import { stopSignals } from './stop-signals.ts';
import type { StatusCause } from './types/meta-v1.ts';

function complaints(stopSignal: string, os?: string): (string | undefined)[] {
  const causes: StatusCause[] = [];
  validateLifecycle(causes, { stopSignal }, { path: 'lifecycle', os });
  return causes.map(({ field, message }) => `${field}: ${message}`);
}

it('are those of the operating system that the pod names', () => {
  expect(complaints('SIGUSR1', 'linux')).toEqual([]);
  expect(complaints('SIGRTMAX-14', 'linux')).toEqual([]);
  expect(complaints('SIGTERM', 'windows')).toEqual([]);
  expect(complaints('SIGUSR1', 'windows')).toEqual([
    'lifecycle.stopSignal: Unsupported value: "SIGUSR1": supported values: "SIGKILL", "SIGTERM"',
  ]);
  expect(complaints('USR1', 'linux')[0]).toContain('lifecycle.stopSignal: Unsupported value: "USR1"');
  expect(complaints('SIGUSR1')).toEqual([
    'lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`',
  ]);
});

it("have the machine's numbers", () => {
  const numbers: Readonly<Record<string, number | undefined>> = constants.signals;
  for (const [name, number] of stopSignals) {
    if (numbers[name] !== undefined) expect([name, number]).toEqual([name, numbers[name]]);
  }
  expect(['SIGRTMIN', 'SIGRTMIN+15', 'SIGRTMAX-14', 'SIGRTMAX'].map((name) => stopSignals.get(name))).toEqual([
    34, 49, 50, 64,
  ]);
});
