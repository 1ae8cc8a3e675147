import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { createEventRecorder } from '../client/recorder.ts';
import { ControllerRunner, type Controller, type ControllerContext } from './controller.ts';
import { DeploymentReconciler } from './deployment/deployment-controller.ts';
import { EndpointsReconciler } from './endpoints/endpoints-controller.ts';
import { EndpointSliceMirroringReconciler } from './endpoints/mirroring-controller.ts';
import { EndpointSliceReconciler } from './endpoints/slice-controller.ts';
import { GarbageCollector } from './garbage-collector/garbage-collector.ts';
import { JobReconciler } from './job/job-controller.ts';
import { TtlAfterFinishedReconciler } from './job/ttl-controller.ts';
import { NamespaceReconciler } from './namespace/namespace-controller.ts';
import { NodeIpamReconciler } from './node-ipam.ts';
import { NodeLifecycleReconciler } from './node-lifecycle/node-lifecycle-controller.ts';
import { TaintEvictionReconciler } from './node-lifecycle/taint-eviction-controller.ts';
import { PodGarbageCollector } from './pod-garbage-collector.ts';
import { replicaSetKind, replicationControllerKind } from './replication/replicated.ts';
import { ReplicationReconciler } from './replication/replication-controller.ts';
import { RootCaPublisher } from './service-account/root-ca-publisher.ts';
import { ServiceAccountReconciler } from './service-account/service-account-controller.ts';
import { ServiceAccountTokenReconciler } from './service-account/token-controller.ts';
import { localControllerSettings, type ControllerSettings } from './settings.ts';

export interface ControllersOptions {
  /**
   * The client for an account: service accounts of kube-system (`deployment-controller`), and
   * `kube-controller-manager` for the manager itself. One client for all of them is fine where rights do not matter.
   */
  clientFor: (name: string) => Client;
  informers: Informers;
  clock: Clock;
  random: Random;
  log: Logger;
  /** What differs from {@link localControllerSettings}. */
  settings?: Partial<ControllerSettings>;
  /** PEM: the CA that pods verify the API server with. */
  serviceAccountCa: string;
}

export interface Controllers {
  /** Resolves when the caches are full and every controller runs. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The controllers' names, as their events and log lines have them. */
  readonly names: readonly string[];
}

interface Entry {
  /** In events and log lines. */
  name: string;
  /** Whose rights it uses, where that is not the account of its own name. */
  account?: string;
  create: (context: ControllerContext) => Controller;
}

/** Informers read, and tokens are made, with the rights of the manager itself (`system:kube-controller-manager`). */
const managerAccount = 'kube-controller-manager';

/** All controllers of a cluster: they share informers; queue, client and event recorder are each one's own. */
export function createControllers(options: ControllersOptions): Controllers {
  const { informers, clock, random, log } = options;
  const settings = { ...localControllerSettings, ...options.settings };
  const runners = entries(options.serviceAccountCa).map(({ name, account = name, create }) => {
    const client = options.clientFor(account);
    const recorder = createEventRecorder({ client, component: name, clock, random, log });
    const controller = create({ client, informers, recorder, clock, random, log, settings });
    return { name, runner: new ControllerRunner(controller, { clock, random, log }) };
  });
  return {
    names: runners.map(({ name }) => name),
    async start() {
      await informers.synced();
      for (const { runner } of runners) runner.start();
    },
    async stop() {
      await Promise.all(runners.map(({ runner }) => runner.stop()));
    },
  };
}

function entries(certificate: string): Entry[] {
  return [
    { name: 'namespace-controller', create: (context) => new NamespaceReconciler(context) },
    { name: 'service-account-controller', create: (context) => new ServiceAccountReconciler(context) },
    {
      name: 'root-ca-certificate-publisher',
      account: 'root-ca-cert-publisher',
      create: (context) => new RootCaPublisher(context, certificate),
    },
    {
      name: 'serviceaccount-token-controller',
      account: managerAccount,
      create: (context) => new ServiceAccountTokenReconciler(context, certificate),
    },
    { name: 'node-ipam-controller', account: 'node-controller', create: (context) => new NodeIpamReconciler(context) },
    { name: 'node-controller', create: (context) => new NodeLifecycleReconciler(context) },
    {
      name: 'taint-eviction-controller',
      account: 'node-controller',
      create: (context) => new TaintEvictionReconciler(context),
    },
    { name: 'pod-garbage-collector', create: (context) => new PodGarbageCollector(context) },
    { name: 'replicaset-controller', create: (context) => new ReplicationReconciler(replicaSetKind, context) },
    {
      name: 'replication-controller',
      create: (context) => new ReplicationReconciler(replicationControllerKind, context),
    },
    { name: 'deployment-controller', create: (context) => new DeploymentReconciler(context) },
    { name: 'job-controller', create: (context) => new JobReconciler(context) },
    { name: 'ttl-after-finished-controller', create: (context) => new TtlAfterFinishedReconciler(context) },
    { name: 'endpoint-controller', create: (context) => new EndpointsReconciler(context) },
    { name: 'endpointslice-controller', create: (context) => new EndpointSliceReconciler(context) },
    {
      name: 'endpointslicemirroring-controller',
      create: (context) => new EndpointSliceMirroringReconciler(context),
    },
    {
      name: 'garbage-collector-controller',
      account: 'generic-garbage-collector',
      create: (context) => new GarbageCollector(context),
    },
  ];
}
