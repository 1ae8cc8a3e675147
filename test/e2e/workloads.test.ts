import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, remains, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-'));
const cluster = new TestCluster('workloads', join(scratch, 'kubeconfig'));
const apply = (manifest: string) => cluster.kubectlWith(manifest, 'apply', '-f', '-');

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '2');
  await cluster.timonel('image', 'base', '--busybox');
}, 120_000);

afterAll(async () => {
  cluster.endAll();
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true });
  expect(await remains('workloads')).toEqual([]);
}, 60_000);

const container = (command: string) =>
  `{name: main, image: busybox, imagePullPolicy: IfNotPresent, command: [sh, -c, ${JSON.stringify(command)}]`;

it('runs an indexed job to its end', async () => {
  const template = `{spec: {restartPolicy: Never, containers: [${container('echo index $JOB_COMPLETION_INDEX')}}]}}`;
  await apply(`apiVersion: batch/v1
kind: Job
metadata: {name: count}
spec: {completionMode: Indexed, completions: 3, parallelism: 2, template: ${template}}
`);
  await cluster.kubectl('wait', 'job/count', '--for=condition=complete', '--timeout=30s');
  expect(await cluster.kubectl('get', 'jobs')).toMatch(/count\s+Complete\s+3\/3/);
  const logs = await cluster.kubectl('logs', '-l', 'job-name=count', '--tail=-1');
  expect(
    logs
      .trim()
      .split('\n')
      .toSorted((a, b) => (a < b ? -1 : 1)),
  ).toEqual(['index 0', 'index 1', 'index 2']);
}, 60_000);

it('keeps the data of a stateful set over pods, and over the cluster that is stopped and started', async () => {
  const command = 'echo $HOSTNAME >> /data/starts; exec sleep 1000';
  const pod = `{terminationGracePeriodSeconds: 0, containers: [${container(command)}, volumeMounts: [{name: data, mountPath: /data}]}]}`;
  await apply(`apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: ${pod}}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`);
  await cluster.kubectl('rollout', 'status', 'statefulset/db', '--timeout=30s');
  expect(await cluster.kubectl('get', 'pvc')).toMatch(/data-db-0\s+Bound\s+pvc-\S+\s+1Gi\s+RWO\s+standard/);
  const starts = () => cluster.tryKubectl('exec', 'db-1', '--', 'cat', '/data/starts');
  await cluster.kubectl('delete', 'pod', 'db-1');
  await eventually(async () => (await starts()).stdout === 'db-1\ndb-1\n', 'the pod to write to its old volume');
  await cluster.timonel('down');
  await cluster.timonel('up');
  await eventually(async () => (await starts()).stdout === 'db-1\ndb-1\ndb-1\n', 'the data after a restart', 60_000);
  await cluster.kubectl('set', 'env', 'statefulset/db', 'A=1');
  await cluster.kubectl('rollout', 'status', 'statefulset/db', '--timeout=30s');
  expect(await cluster.kubectl('rollout', 'history', 'statefulset/db')).toMatch(/1\s+<none>\n2\s+<none>/);
  await cluster.kubectl('rollout', 'undo', 'statefulset/db');
  await cluster.kubectl('rollout', 'status', 'statefulset/db', '--timeout=30s');
  await eventually(async () => (await starts()).stdout === 'db-1\n'.repeat(5), 'the data after two updates');
  await cluster.kubectl('delete', 'statefulset/db', 'pvc/data-db-0', 'pvc/data-db-1', '--timeout=30s');
  await eventually(async () => (await cluster.kubectl('get', 'pv', '-o', 'name')) === '', 'the volumes to go');
}, 180_000);

it('runs a daemon on every node, and drains one around a budget', async () => {
  const spec = `{terminationGracePeriodSeconds: 0, containers: [${container('exec sleep 1000')}}]}`;
  await apply(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: ${spec}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: ${spec}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
`);
  await cluster.kubectl('rollout', 'status', 'daemonset/agent', '--timeout=30s');
  await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
  await cluster.kubectl('drain', 'workloads-2', '--ignore-daemonsets', '--force', '--timeout=40s');
  const places = async (app: string) =>
    (await cluster.kubectl('get', 'pods', '-l', `app=${app}`, '-o', 'jsonpath={.items[*].spec.nodeName}')).split(' ');
  expect([await places('web'), new Set(await places('agent'))]).toEqual([
    ['workloads-1', 'workloads-1'],
    new Set(['workloads-1', 'workloads-2']),
  ]);
  await cluster.kubectl('uncordon', 'workloads-2');
}, 90_000);

it('starts jobs from a cron job by hand, and by its schedule once it is no longer suspended', async () => {
  await cluster.kubectl('create', 'cronjob', 'tick', '--image=busybox', '--schedule=* * * * *', '--', 'true');
  await cluster.kubectl('patch', 'cronjob', 'tick', '-p', '{"spec":{"suspend":true}}');
  await cluster.kubectl('create', 'job', '--from=cronjob/tick', 'by-hand');
  await cluster.kubectl('wait', 'job/by-hand', '--for=condition=complete', '--timeout=30s');
  expect(await cluster.kubectl('get', 'cronjob', 'tick')).toMatch(/tick\s+\* \* \* \* \*\s+<none>\s+True/);
  await cluster.kubectl('patch', 'cronjob', 'tick', '-p', '{"spec":{"suspend":false,"schedule":"@every 1s"}}');
  await eventually(async () => {
    const { status } = await cluster.json<{ status: { lastSuccessfulTime?: string } }>('get', 'cronjob', 'tick');
    return status.lastSuccessfulTime !== undefined;
  }, 'a job of the schedule to succeed');
  await cluster.kubectl('delete', 'cronjob', 'tick');
}, 60_000);
