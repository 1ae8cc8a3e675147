import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { AnyObject } from '../../object.ts';
import type { Deployment } from '../../types/apps-v1.ts';
import { deployment } from './deployment.ts';

/** A manifest of 2017: no selector, no labels of its own. */
const manifest = `
apiVersion: apps/v1beta1
kind: Deployment
metadata:
  name: web-deployment
spec:
  replicas: 3
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: example/python-service
        ports:
        - containerPort: 5000
`;

function version(group: string, name: string) {
  return deployment.versions.find((each) => each.group === group && each.version === name)!;
}

function stored(group: string, name: string, text = manifest): AnyObject & Deployment {
  const object = parse(text) as AnyObject & Deployment;
  version(group, name).toStorage?.(object);
  deployment.defaults?.(object);
  return object;
}

function today(change: (object: AnyObject & Deployment) => void = () => undefined): AnyObject & Deployment {
  const object = stored('apps', 'v1beta1');
  change(object);
  return object;
}

function causes(object: AnyObject): string[] {
  return (deployment.validate?.(object) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

describe('deployments of old versions', () => {
  it('select the labels of the template when they name no selector', () => {
    const object = stored('apps', 'v1beta1');
    expect(object.spec?.selector).toEqual({ matchLabels: { app: 'web' } });
    expect(object.metadata.labels).toEqual({ app: 'web' });
    expect(causes(object)).toEqual([]);
  });

  it('keep the defaults of apps/v1beta1', () => {
    expect(stored('apps', 'v1beta1').spec).toMatchObject({
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    });
  });

  it('keep the defaults of extensions/v1beta1', () => {
    expect(stored('extensions', 'v1beta1').spec).toMatchObject({
      revisionHistoryLimit: 2147483647,
      progressDeadlineSeconds: 2147483647,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } },
    });
  });

  it('must name a selector from apps/v1beta2 on', () => {
    expect(causes(stored('apps', 'v1beta2'))).toContain('spec.selector: Required value');
  });

  it('carry a rollback to the controller and back', () => {
    const object = parse(manifest) as AnyObject & Deployment & { spec: { rollbackTo?: unknown } };
    object.spec.rollbackTo = { revision: 2 };
    const { toStorage, fromStorage } = version('extensions', 'v1beta1');
    toStorage?.(object);
    expect(object.spec.rollbackTo).toBeUndefined();
    expect(object.metadata.annotations).toEqual({ 'deprecated.deployment.rollback.to': '2' });
    fromStorage?.(object);
    expect(object.spec.rollbackTo).toEqual({ revision: 2 });
    expect(object.metadata.annotations).toBeUndefined();
  });

  it('read the same after a second conversion', () => {
    const once = stored('extensions', 'v1beta1');
    const twice = structuredClone(once);
    const { toStorage, fromStorage } = version('extensions', 'v1beta1');
    fromStorage?.(twice);
    toStorage?.(twice);
    deployment.defaults?.(twice);
    expect(twice).toEqual(once);
  });
});

describe('deployments', () => {
  it("get today's defaults in apps/v1", () => {
    const object = parse(manifest) as AnyObject & Deployment;
    delete object.spec!.replicas;
    deployment.defaults?.(object);
    expect(object.spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      template: { spec: { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', terminationGracePeriodSeconds: 30 } },
    });
    expect(object.spec?.template.spec).not.toHaveProperty('enableServiceLinks');
  });

  it.each<[string, (object: AnyObject & Deployment) => void, string]>([
    [
      'a selector that misses the template',
      ({ spec }) => (spec!.selector = { matchLabels: { app: 'other' } }),
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
    [
      'a rolling update that may not move',
      ({ spec }) => (spec!.strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } }),
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
    ],
    [
      'a rolling update with Recreate',
      ({ spec }) => (spec!.strategy = { type: 'Recreate', rollingUpdate: {} }),
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      'pods that end',
      ({ spec }) => (spec!.template.spec!.restartPolicy = 'Never'),
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'fewer than no replicas',
      ({ spec }) => (spec!.replicas = -1),
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a deadline before a pod counts as available',
      ({ spec }) => Object.assign(spec!, { minReadySeconds: 60, progressDeadlineSeconds: 60 }),
      'spec.progressDeadlineSeconds: Invalid value: 60: must be greater than minReadySeconds',
    ],
  ])('refuse %s', (_, change, cause) => {
    expect(causes(today(change))).toContain(cause);
  });

  it('do not change their selector', () => {
    const changed = today(({ spec }) => (spec!.selector = { matchLabels: { app: 'b' } }));
    const [cause] = deployment.validateUpdate?.(changed, today(), '') ?? [];
    expect(cause).toMatchObject({ field: 'spec.selector', message: expect.stringContaining('field is immutable') });
  });

  it('clear the status on create and keep halves apart on update', () => {
    const object = today((each) => (each.status = { replicas: 9 }));
    deployment.prepareForCreate?.(object, { now: 0 });
    expect(object.status).toEqual({});
    const status = today((each) => Object.assign(each, { status: { replicas: 2 }, metadata: { labels: { a: 'b' } } }));
    status.spec!.replicas = 7;
    deployment.prepareForUpdate?.(status, today(), 'status', { now: 0 });
    expect(status).toMatchObject({
      spec: { replicas: 3 },
      status: { replicas: 2 },
      metadata: { labels: { app: 'web' } },
    });
  });

  it('print a row and a selector for their scale', () => {
    const object = today((each) => (each.status = { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 }));
    object.metadata.creationTimestamp = '2026-01-01T00:00:00Z';
    const row = deployment.columns?.map(({ value }) => value(object, Date.parse('2026-01-01T00:01:00Z')));
    expect(row).toEqual(['web-deployment', '2/3', 3, 2, '60s', 'web', 'example/python-service', 'app=web']);
    expect(deployment.scale?.labelSelector(object)).toBe('app=web');
  });
});
