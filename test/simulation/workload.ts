import type { KubeObject } from '../../src/api/object.ts';
import type { Deployment } from '../../src/api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../src/api/types/core-v1.ts';
import type { Random } from '../../src/base/random.ts';
import type { Client, DeleteOptions, Resource } from '../../src/client/client.ts';
import * as known from '../../src/client/resources.ts';

type Action = (context: { client: Client; random: Random; number: number }) => Promise<unknown>;

/** What people do to a cluster, with how often. Failures are theirs to shrug at. */
const actions: readonly (readonly [number, Action])[] = [
  [10, createDeployment],
  [12, scale],
  [10, changeImage],
  [4, pauseOrResume],
  [4, rollBack],
  [5, ({ client, random }) => remove(client, random, known.deployments)],
  [1, ({ client, random }) => remove(client, random, known.replicaSets)],
  [5, createService],
  [2, ({ client, random }) => remove(client, random, known.services)],
  [3, createNamespace],
  [1, removeNamespace],
  [8, removePod],
  [3, createPod],
  [3, createReplicationController],
  [4, createJob],
  [1, ({ client, random }) => remove(client, random, known.jobs)],
  [3, createStatefulSet],
  [3, changeStatefulSet],
  [1, ({ client, random }) => remove(client, random, known.statefulSets)],
  [1, createDaemonSet],
  [1, ({ client, random }) => remove(client, random, known.daemonSets)],
  [2, ({ client, random }) => remove(client, random, known.replicationControllers)],
  [3, createOwned],
  [2, cordon],
  [1, ({ client, random }) => removeNode(client, random)],
];
const total = actions.reduce((sum, [weight]) => sum + weight, 0);

/** One random act. */
export class Workload {
  readonly #client: () => Client;
  readonly #random: Random;
  #number = 0;

  constructor(client: () => Client, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  async act(): Promise<void> {
    const random = this.#random;
    let left = random.int(total);
    const [, action] = actions.find(([weight]) => (left -= weight) < 0) as (typeof actions)[number];
    const number = ++this.#number;
    await action({ client: this.#client(), random, number }).catch(() => undefined);
  }
}

async function createDeployment({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const name = `web-${number}`;
  const surge = random.int(3);
  return client.create(known.deployments, {
    metadata: { name, namespace: await someNamespace(client, random) },
    spec: {
      replicas: random.int(7),
      selector: { matchLabels: { app: name } },
      template: template(name, number),
      revisionHistoryLimit: random.int(4),
      strategy:
        random.float() < 0.2
          ? { type: 'Recreate' }
          : {
              type: 'RollingUpdate',
              rollingUpdate: { maxSurge: surge, maxUnavailable: surge === 0 ? 1 : random.int(3) },
            },
    },
  });
}

function template(app: string, version: number): PodTemplateSpec {
  return {
    metadata: { labels: { app } },
    spec: { containers: [{ name: 'main', image: `web:${version}`, resources: { requests: { cpu: '100m' } } }] },
  };
}

async function scale({ client, random }: Parameters<Action>[0]): Promise<unknown> {
  return patchDeployment(client, random, () => ({ spec: { replicas: random.int(9) } }));
}

async function changeImage({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const containers = [{ name: 'main', image: `web:${number}` }];
  return patchDeployment(client, random, () => ({ spec: { template: { spec: { containers } } } }));
}

async function pauseOrResume({ client, random }: Parameters<Action>[0]): Promise<unknown> {
  return patchDeployment(client, random, ({ spec }) => ({ spec: { paused: spec?.paused ? null : true } }));
}

/** What `kubectl rollout undo` does: the template of an older replica set becomes the deployment's. */
async function rollBack({ client, random }: Parameters<Action>[0]): Promise<unknown> {
  const deployment = await some(client, random, known.deployments);
  const { items } = await client.list(known.replicaSets, { namespace: deployment?.metadata.namespace ?? '' });
  const old = items.filter((set) => set.metadata.ownerReferences?.[0]?.uid === deployment?.metadata.uid);
  const chosen = old[random.int(old.length)];
  if (!deployment || !chosen?.spec?.template) return undefined;
  const labels = { ...chosen.spec.template.metadata?.labels };
  delete labels['pod-template-hash'];
  const changed = { ...chosen.spec.template, metadata: { labels } };
  return client.update(known.deployments, {
    ...deployment,
    spec: { ...deployment.spec, template: changed },
  } as Deployment);
}

async function patchDeployment(
  client: Client,
  random: Random,
  change: (deployment: Deployment) => Record<string, unknown>,
): Promise<unknown> {
  const deployment = await some(client, random, known.deployments);
  if (!deployment) return undefined;
  const { name = '', namespace = '' } = deployment.metadata;
  return client.patch(known.deployments, { name, namespace }, { kind: 'strategic', document: change(deployment) });
}

async function createService({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const deployment = await some(client, random, known.deployments);
  if (!deployment) return undefined;
  return client.create(known.services, {
    metadata: { name: `service-${number}`, namespace: deployment.metadata.namespace ?? '' },
    spec: {
      selector: { app: deployment.metadata.name ?? '' },
      ports: [{ port: 80, targetPort: 5000 }],
      type: random.float() < 0.3 ? 'NodePort' : 'ClusterIP',
    },
  });
}

async function createNamespace({ client, number }: Parameters<Action>[0]): Promise<unknown> {
  return client.create(known.namespaces, { metadata: { name: `space-${number}` } });
}

async function removeNamespace({ client, random }: Parameters<Action>[0]): Promise<unknown> {
  const { items } = await client.list(known.namespaces);
  const made = items.filter((namespace) => namespace.metadata.name?.startsWith('space-'));
  const chosen = made[random.int(made.length)];
  return chosen && client.delete(known.namespaces, { name: chosen.metadata.name ?? '' });
}

async function removePod({ client, random }: Parameters<Action>[0]): Promise<unknown> {
  const pod = await some(client, random, known.pods);
  const { name = '', namespace = '' } = pod?.metadata ?? {};
  const gracePeriodSeconds = [0, 1, 30][random.int(3)] as number;
  return pod && client.delete(known.pods, { name, namespace }, { gracePeriodSeconds });
}

async function createPod({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const annotations = { 'simulated.timonel.dev/exit-after-ms': String(500 + random.int(20_000)) };
  const { spec } = template('task', number);
  return client.create(known.pods, {
    metadata: { name: `task-${number}`, namespace: await someNamespace(client, random), annotations },
    spec: { ...spec, containers: spec?.containers ?? [], restartPolicy: 'Never' },
  });
}

async function createReplicationController({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const name = `set-${number}`;
  return client.create(known.replicationControllers, {
    metadata: { name, namespace: await someNamespace(client, random) },
    spec: { replicas: random.int(4), selector: { app: name }, template: template(name, number) },
  });
}

async function createJob({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const annotations = {
    'simulated.timonel.dev/exit-after-ms': String(200 + random.int(5_000)),
    'simulated.timonel.dev/exit-code': random.float() < 0.2 ? '1' : '0',
  };
  const { spec } = template('job', number);
  return client.create(known.jobs, {
    metadata: { name: `job-${number}`, namespace: await someNamespace(client, random) },
    spec: {
      completions: 1 + random.int(4),
      parallelism: 1 + random.int(3),
      backoffLimit: random.int(3),
      ...(random.float() < 0.5 && { completionMode: 'Indexed' }),
      template: {
        metadata: { annotations },
        spec: { ...spec, containers: spec?.containers ?? [], restartPolicy: 'Never' },
      },
    },
  });
}

async function createStatefulSet({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const name = `db-${number}`;
  return client.create(known.statefulSets, {
    metadata: { name, namespace: await someNamespace(client, random) },
    spec: {
      replicas: random.int(4),
      selector: { matchLabels: { app: name } },
      template: template(name, number),
      podManagementPolicy: random.float() < 0.5 ? 'Parallel' : 'OrderedReady',
    },
  });
}

async function changeStatefulSet({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const set = await some(client, random, known.statefulSets);
  if (!set) return undefined;
  const { name = '', namespace = '' } = set.metadata;
  const containers = [{ name: 'main', image: `web:${number}` }];
  const spec = random.float() < 0.5 ? { replicas: random.int(5) } : { template: { spec: { containers } } };
  return client.patch(known.statefulSets, { name, namespace }, { kind: 'strategic', document: { spec } });
}

async function createDaemonSet({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const name = `agent-${number}`;
  return client.create(known.daemonSets, {
    metadata: { name, namespace: await someNamespace(client, random) },
    spec: { selector: { matchLabels: { app: name } }, template: template(name, number) },
  });
}

/** Something that goes with its deployment. */
async function createOwned({ client, random, number }: Parameters<Action>[0]): Promise<unknown> {
  const deployment = await some(client, random, known.deployments);
  if (!deployment) return undefined;
  const { name = '', namespace = '', uid = '' } = deployment.metadata;
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, blockOwnerDeletion: random.float() < 0.5 };
  return client.create(known.configMaps, {
    metadata: { name: `settings-${number}`, namespace, ownerReferences: [owner] },
    data: { number: String(number) },
  });
}

async function cordon({ client, random }: Parameters<Action>[0]): Promise<unknown> {
  const node = await some(client, random, known.nodes);
  if (!node) return undefined;
  const document = { spec: { unschedulable: node.spec?.unschedulable ? null : true } };
  return client.patch(known.nodes, { name: node.metadata.name ?? '' }, { kind: 'merge', document });
}

/** From the API only: a machine that runs comes back by itself. */
async function removeNode(client: Client, random: Random): Promise<unknown> {
  const node = await some(client, random, known.nodes);
  return node && client.delete(known.nodes, { name: node.metadata.name ?? '' });
}

async function remove(client: Client, random: Random, resource: Resource): Promise<unknown> {
  const found = await some(client, random, resource);
  const { name = '', namespace = '' } = found?.metadata ?? {};
  if (!found || name === 'kubernetes') return undefined;
  const policies: DeleteOptions['propagationPolicy'][] = ['Orphan', 'Background', 'Foreground'];
  const propagationPolicy = policies[random.int(3)];
  return client.delete(resource, { name, namespace }, propagationPolicy ? { propagationPolicy } : {});
}

async function some<T extends KubeObject>(client: Client, random: Random, of: Resource<T>): Promise<T | undefined> {
  const { items } = await client.list(of);
  return items[random.int(items.length)];
}

async function someNamespace(client: Client, random: Random): Promise<string> {
  if (random.float() < 0.5) return 'default';
  const namespace = await some(client, random, known.namespaces);
  const name = namespace?.metadata.name ?? 'default';
  return name.startsWith('space-') ? name : 'default';
}
