import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, remains, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-autoscaler-'));
const cluster = new TestCluster('hpa', join(scratch, 'kubeconfig'));

/** Each answer takes some work. */
const manifests = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: busybox
        imagePullPolicy: IfNotPresent
        resources: {requests: {cpu: 50m}, limits: {cpu: 200m}}
        command:
        - sh
        - -c
        - |
          mkdir -p /www/cgi-bin
          printf '#!/bin/sh\\nprintf "\\\\r\\\\n"\\ni=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done\\n' > /www/cgi-bin/work
          chmod 755 /www/cgi-bin/work
          exec httpd -f -p 8080 -h /www
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 8080}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
  behavior: {scaleDown: {stabilizationWindowSeconds: 5}}
`;

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '1');
  await cluster.timonel('image', 'base', '--busybox');
});

afterAll(async () => {
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect(await remains('hpa')).toEqual([]);
});

const replicas = async (): Promise<number> =>
  Number(await cluster.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}'));

describe('an autoscaler', () => {
  it('gives a workload more replicas under load, and takes them back after it', async () => {
    await cluster.kubectlWith(manifests, 'apply', '-f', '-');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    await cluster.kubectl('wait', 'hpa/web', '--for=condition=ScalingActive', '--timeout=60s');
    expect(await replicas()).toBe(1);
    const port = await cluster.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    let isOver = false;
    const clients = [1, 2, 3].map(async () => {
      while (!isOver) {
        const request = fetch(`http://127.0.0.1:${port}/cgi-bin/work`, { signal: AbortSignal.timeout(10_000) });
        await request.then(
          (response) => response.text(),
          () => new Promise((resolve) => setTimeout(resolve, 100)),
        );
      }
    });
    await eventually(async () => (await replicas()) === 3, 'three replicas', 60_000);
    const shown = await cluster.kubectl('get', 'hpa', 'web', '--no-headers');
    expect(shown).toMatch(/^web +Deployment\/web +cpu: \d+%\/80% +1 +3 /);
    isOver = true;
    await Promise.all(clients);
    await eventually(async () => (await replicas()) === 1, 'one replica', 90_000);
    const told = await cluster.kubectl('describe', 'hpa', 'web');
    expect(told).toMatch(/New size: 3; reason: cpu resource utilization \(percentage of request\) above target/);
    expect(told).toMatch(/New size: 1; reason: All metrics below target/);
  });
});
