import { describe, expect, it } from 'vitest';
import { constraintChanges, healthAnnotation, healthChanges, type HealthFlags } from './service-parts.ts';
import type { StackService } from './stacks.ts';

const settings = 'timonel.dev/container-settings';
const requirement = (key: string, operator: string, ...values: string[]): object => {
  return { key, operator, ...(values.length > 0 && { values }) };
};
const affinityOf = (...matchExpressions: object[]): object => {
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms: [{ matchExpressions }] };
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } };
};

function service(template: object): StackService {
  return {
    ...{ stack: 's', service: 'web', namespace: 's', name: 'web', mode: 'replicated', image: 'web:1', id: '1' },
    ...{ running: 1, wanted: 1, deployment: undefined, template },
  };
}

describe('constraints of a service', () => {
  const ssd = requirement('disk', 'In', 'ssd');
  const before = service({ spec: { affinity: affinityOf(ssd) } });

  it('are added once and taken away by what they say', () => {
    const constraintAdd = ['node.labels.disk == ssd', 'node.role!=manager'];
    const worker = requirement('node-role.kubernetes.io/control-plane', 'DoesNotExist');
    expect(constraintChanges(before, { constraintAdd })).toEqual({ affinity: affinityOf(ssd, worker) });
    const constraintRm = ['node.labels.disk==ssd'];
    expect(constraintChanges(before, { constraintRm })).toEqual({ affinity: { nodeAffinity: null } });
    expect(constraintChanges(before, {})).toEqual({});
  });

  it('end with what nodes do not have', () => {
    expect(() => constraintChanges(before, { constraintAdd: ['engine.labels.x==1'] })).toThrow(
      'nodes have no engine.labels.x to select by',
    );
  });
});

describe('the healthcheck of a service', () => {
  const probe = { exec: { command: ['true'] }, periodSeconds: 7, timeoutSeconds: 2, failureThreshold: 4 };
  const container = { name: 'web', readinessProbe: probe, livenessProbe: { ...probe, initialDelaySeconds: 9 } };
  const checked = service({ spec: { containers: [container] } });
  const unchecked = service({
    metadata: { annotations: { [settings]: '{"imageHealthcheck":{},"cpuset":"0"}' } },
    spec: { containers: [{ name: 'web' }] },
  });

  it('is made by its command, and keeps of the one before what is not said', () => {
    const flags: HealthFlags = { healthCmd: 'wget -q localhost', healthInterval: '3s', healthStartPeriod: '1m' };
    expect(healthChanges(unchecked, flags)).toEqual({
      readinessProbe: {
        ...{ $patch: 'replace', exec: { command: ['/bin/sh', '-c', 'wget -q localhost'] } },
        ...{ periodSeconds: 3, timeoutSeconds: 30, failureThreshold: 3 },
      },
      livenessProbe: {
        ...{ $patch: 'replace', exec: { command: ['/bin/sh', '-c', 'wget -q localhost'] } },
        ...{ periodSeconds: 3, timeoutSeconds: 30, failureThreshold: 3, initialDelaySeconds: 60 },
      },
    });
    expect(healthAnnotation(unchecked, flags)).toEqual({ [settings]: '{"cpuset":"0","healthStartPeriod":60}' });
    expect(healthChanges(checked, { healthRetries: '6', healthStartInterval: '10s' })).toMatchObject({
      readinessProbe: { exec: { command: ['true'] }, periodSeconds: 7, timeoutSeconds: 2, failureThreshold: 6 },
      livenessProbe: { initialDelaySeconds: 9 },
    });
  });

  it('goes, with that of the image', () => {
    expect(healthChanges(checked, { healthcheck: false })).toEqual({ readinessProbe: null, livenessProbe: null });
    expect(healthAnnotation(unchecked, { healthcheck: false })).toEqual({ [settings]: '{"cpuset":"0"}' });
  });

  it('ends with what is none', () => {
    const changes = (of: StackService, flags: HealthFlags) => (): unknown => healthChanges(of, flags);
    expect(changes(unchecked, { healthInterval: '1s' })).toThrow('s_web has no healthcheck of its own to change');
    expect(changes(checked, { healthInterval: 'x' })).toThrow('invalid argument "x" for "--health-interval"');
    expect(changes(checked, { healthRetries: 'x' })).toThrow('invalid argument "x" for "--health-retries"');
    expect(changes(checked, { healthcheck: false, healthCmd: 'x' })).toThrow('--no-healthcheck conflicts with');
  });
});
