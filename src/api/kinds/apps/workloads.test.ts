import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import type { ResourceKind } from '../../kind.ts';
import { cronJob } from '../batch/cron-job.ts';
import { job } from '../batch/job.ts';
import { daemonSet } from './daemon-set.ts';
import { statefulSet } from './stateful-set.ts';

const now = Date.parse('2026-01-01T01:00:00Z');

function template(spec: object = {}) {
  return { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'db:1' }], ...spec } };
}

function make(kind: ResourceKind, spec: object, version?: string): AnyObject {
  const object: AnyObject = {
    metadata: { name: 'db', uid: 'u1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec,
  };
  const [group = '', name = ''] = (version ?? '').split('/');
  kind.versions.find((each) => each.group === group && each.version === name)?.toStorage?.(object);
  kind.defaults?.(object);
  return object;
}

function messages(kind: ResourceKind, object: AnyObject): string[] {
  return (kind.validate?.(object) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

function row(kind: ResourceKind, object: AnyObject): Record<string, unknown> {
  return Object.fromEntries((kind.columns ?? []).map(({ name, value }) => [name, value(object, now)]));
}

const selector = { matchLabels: { app: 'db' } };

describe('stateful sets', () => {
  it("get today's defaults", () => {
    const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }];
    expect(make(statefulSet, { selector, template: template(), volumeClaimTemplates }).spec).toMatchObject({
      replicas: 1,
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [{ kind: 'PersistentVolumeClaim', spec: { volumeMode: 'Filesystem' } }],
    });
  });

  it('of apps/v1beta1 select their template and are updated by hand', () => {
    const object = make(statefulSet, { template: template() }, 'apps/v1beta1');
    expect(object.spec).toMatchObject({ selector, updateStrategy: { type: 'OnDelete' } });
    expect(messages(statefulSet, object)).toEqual([]);
  });

  it('keep their service and their claims', () => {
    const old = make(statefulSet, { selector, template: template(), serviceName: 'db' });
    const object = make(statefulSet, { selector, template: template(), serviceName: 'other', replicas: 3 });
    const [cause] = statefulSet.validateUpdate?.(object, old, '') ?? [];
    expect(cause?.message).toMatch(/^Forbidden: updates to statefulset spec for fields other than 'replicas'/);
  });
});

it('stateful sets mount what their claims are templates of', () => {
  const mounting = (name: string) => {
    const volumeMounts = [{ name, mountPath: '/data' }];
    return template({ containers: [{ name: 'db', image: 'db:1', volumeMounts }] });
  };
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec }];
  const of = (name: string) => make(statefulSet, { selector, template: mounting(name), volumeClaimTemplates });
  expect(messages(statefulSet, of('data'))).toEqual([]);
  expect(messages(statefulSet, of('other'))).toEqual([
    'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "other"',
  ]);
});

describe('daemon sets', () => {
  it('replace one pod at a time', () => {
    const object = make(daemonSet, { selector, template: template() });
    expect(object.spec).toMatchObject({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    });
    expect(messages(daemonSet, object)).toEqual([]);
  });

  it('count the changes of their template', () => {
    const old = make(daemonSet, { selector, template: template() });
    daemonSet.prepareForCreate?.(old, { now });
    const object = make(daemonSet, { selector, template: template({ hostNetwork: true }) });
    daemonSet.prepareForUpdate?.(object, old, '', { now });
    expect(object.metadata.annotations).toEqual({ 'deprecated.daemonset.template.generation': '2' });
  });
});

describe('jobs', () => {
  it('run once, find their pods by uid, and print how far they are', () => {
    const object = make(job, { template: template({ restartPolicy: 'Never' }) });
    expect(object.spec).toMatchObject({
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
    });
    job.prepareForCreate?.(object, { now });
    expect(object.spec).toMatchObject({
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
      template: { metadata: { labels: { app: 'db', 'job-name': 'db', 'controller-uid': 'u1' } } },
    });
    expect(messages(job, object)).toEqual([]);
    object.status = { startTime: '2026-01-01T00:59:00Z' };
    expect(row(job, object)).toMatchObject({ Status: 'Running', Completions: '0/1', Duration: '60s', Age: '60m' });
    object.status = { succeeded: 1, conditions: [{ type: 'Complete', status: 'True' }] };
    expect(row(job, object)).toMatchObject({ Status: 'Complete', Completions: '1/1', Duration: '' });
  });

  it('do not restart for ever', () => {
    expect(messages(job, make(job, { template: template() }))).toEqual([
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ]);
  });
});

describe('indexed jobs', () => {
  const base = { template: template({ restartPolicy: 'Never' }), completions: 3, completionMode: 'Indexed' };

  it('say which of their rules cannot be', () => {
    const rules = [
      { action: 'FailIndex', onExitCodes: { containerName: 'web', operator: 'In', values: [3, 0, 3] } },
      { action: 'Count' },
    ];
    const policies = { podFailurePolicy: { rules }, successPolicy: { rules: [{ succeededIndexes: '0,2-5' }, {}] } };
    expect(messages(job, make(job, { ...base, ...policies, maxFailedIndexes: 4 }))).toEqual([
      'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
      'spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions',
      'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
      'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "web": must be one of the container or ' +
        'initContainer names in the pod template',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 3',
      'spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,0,3]: must be ordered',
      'spec.podFailurePolicy.rules[1]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0,2-5": error parsing succeededIndexes: ' +
        'too large index: "5"',
      'spec.successPolicy.rules[1]: Required value: at least one of succeededCount or succeededIndexes must be specified',
    ]);
  });

  it('leave room for the index in their name', () => {
    const object = make(job, base);
    object.metadata.name = 'n'.repeat(62);
    expect(messages(job, object)[0]).toContain('will not able to create pod with invalid DNS label');
  });
});

describe('cron jobs', () => {
  const jobTemplate = { spec: { template: template({ restartPolicy: 'OnFailure' }) } };

  it('allow overlap, keep three successes and one failure', () => {
    const object = make(cronJob, { schedule: '*/5 * * * *', jobTemplate });
    expect(object.spec).toMatchObject({
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    expect(messages(cronJob, object)).toEqual([]);
    object.status = { lastScheduleTime: '2026-01-01T00:58:00Z', active: [{}] };
    expect(row(cronJob, object)).toMatchObject({
      Schedule: '*/5 * * * *',
      Timezone: '<none>',
      Suspend: 'False',
      Active: 1,
      'Last Schedule': '2m',
    });
  });

  it('need a schedule of five fields', () => {
    const found = messages(cronJob, make(cronJob, { schedule: '* * *', jobTemplate }));
    expect(found).toEqual(['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]']);
  });
});
