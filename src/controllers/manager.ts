import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { createEventRecorder } from '../client/recorder.ts';
import type { CertificateSigner } from './certificates/signing-controller.ts';
import { ControllerRunner } from './controller.ts';
import type { LocalVolumes } from './volumes/local-provisioner.ts';
import { controllerEntries } from './entries.ts';
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
  /** Issues certificates; absent: requests for them stay approved. */
  certificateSigner?: CertificateSigner;
  /** Where volumes are made for claims; absent: somebody else does. */
  localVolumes?: LocalVolumes;
}

export interface Controllers {
  /** Resolves when the caches are full and every controller runs. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The controllers' names, as their events and log lines have them. */
  readonly names: readonly string[];
}

/** All controllers of a cluster: they share informers; queue, client and event recorder are each one's own. */
export function createControllers(options: ControllersOptions): Controllers {
  const { informers, clock, random, log } = options;
  const settings = { ...localControllerSettings, ...options.settings };
  const runners = controllerEntries(options).map(({ name, account = name, create }) => {
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
