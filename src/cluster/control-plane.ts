import { kinds, virtualKinds } from '../api/kinds.ts';
import type { FrontProxy } from '../apiserver/aggregation/extension-servers.ts';
import type { NodeConnector } from '../apiserver/streaming/node-connector.ts';
import { createStreamingEndpoints } from '../apiserver/streaming/endpoints.ts';
import type { CertificateSigner } from '../controllers/certificates/signing-controller.ts';
import { createSecurity, type Security } from '../apiserver/security.ts';
import {
  type SystemAddress,
  writeDefaultIngressClass,
  writeDefaultStorageClass,
  writeSystemServices,
} from '../apiserver/bootstrap.ts';
import { keepIpAddresses } from '../apiserver/ip-addresses.ts';
import { createApiServer, type ApiServer, type ApiServerOptions } from '../apiserver/server.ts';
import type { User } from '../apiserver/handler.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { createInformers } from '../client/shared-informers.ts';
import type { ControllerSettings } from '../controllers/settings.ts';
import type { LocalVolumes } from '../controllers/volumes/local-provisioner.ts';
import type { Store } from '../store/store.ts';
import { kubernetesVersion } from './versions.ts';

/** Time, randomness and words of one process. */
export interface Surroundings {
  clock: Clock;
  random: Random;
  log: Logger;
}

export interface ControlPlaneOptions extends Surroundings {
  store: Store;
  /** PEM. */
  certificateAuthority: string;
  serviceAccountKey: string;
  serviceCidr: string;
  /** Both ends included; undefined: upstream's. */
  nodePortRange?: { first: number; last: number } | undefined;
  /** Where nodes and pods reach the API server: the endpoint of the service `kubernetes`. */
  advertise: { address: string; port: number };
  /** The cluster's DNS: its service addresses, and where they are answered; absent: none. */
  dns?: readonly SystemAddress[];
  connector: NodeConnector;
  /** Issues the certificates of approved requests; absent: nobody does. */
  certificateSigner?: CertificateSigner;
  controllers: ControllerSettings;
  /** How extension servers know this API server; absent: it serves nobody's kinds but its own. */
  frontProxy?: FrontProxy;
  /** Where volumes are made for claims; with it comes a default storage class. Absent: somebody else makes them. */
  localVolumes?: LocalVolumes;
  /** The default ingress class: its name, and its `spec.controller`. Absent: there is none. */
  ingressClass?: { name: string; controller: string };
  /** How long pods stay on a node that is lost, unless they say otherwise. */
  evictionAfterSeconds: number;
}

export interface ControlPlane {
  api: ApiServer;
  security: Security;
  /** Resolves when controllers and scheduler are at work. The API answers before. */
  startParts(parts: { controllers: boolean; scheduler: boolean }): Promise<void>;
  /** Shared by the components of this process that look at the whole cluster. */
  informers: Informers;
  stop(): Promise<void>;
}

interface Stoppable {
  stop(): void | Promise<void>;
}

/** Wires the control plane together over a store: API server, controllers, scheduler. */
export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { store, clock, random, log } = options;
  const seconds = options.evictionAfterSeconds;
  const security = createSecurity({
    ...{ store, clock, random, log },
    serviceAccountKey: options.serviceAccountKey,
    issuer: 'https://kubernetes.default.svc.cluster.local',
    defaultTolerationSeconds: { notReady: seconds, unreachable: seconds },
  });
  const { serviceCidr, advertise, dns, localVolumes, certificateSigner } = options;
  // Here already, so that both go to disk together; the API server then finds its services written, and keeps them.
  await Promise.all([
    security.bootstrap(),
    writeSystemServices({ store, clock, random, serviceCidr, advertise, ...(dns && { dns }) }),
    writeDefaultClasses(options),
  ]);
  const api = await createApiServer({
    ...{ store, kinds, virtualKinds, clock, random, log },
    authenticators: security.authenticators,
    authorizers: security.authorizers,
    admission: security.admission,
    flowControl: security.flowControl,
    ...{ webhooks: security.webhooks, healthChecks: security.healthChecks },
    endpoints: [
      ...security.endpoints,
      ...createStreamingEndpoints({ store, connector: options.connector, clock, random }),
    ],
    documents: security.documents,
    version: kubernetesVersion,
    serviceNetwork: { serviceCidr, ...(options.nodePortRange && { nodePortRange: options.nodePortRange }) },
    ...{ advertise, ...(dns && { dns }), ...aggregationOf(options) },
  });
  const clientFor = (name: string): Client => api.clientFor(component(name));
  const informers = createInformers({ client: clientFor('system:kube-controller-manager'), clock, random, log });
  const running: Stoppable[] = [await keepIpAddresses({ store, clock, random, log, serviceCidr })];
  return {
    api,
    security,
    informers,
    async startParts(parts) {
      // Loaded here, for the API to answer before.
      const started: Promise<void>[] = [];
      if (parts.controllers) {
        const { createControllers } = await import('../controllers/manager.ts');
        const controllers = createControllers({
          ...{ informers, clock, random, log, settings: options.controllers },
          clientFor: (account) => clientFor(controllerUser(account)),
          serviceAccountCa: options.certificateAuthority,
          ...(localVolumes && { localVolumes }),
          ...(certificateSigner && { certificateSigner }),
        });
        running.push(controllers);
        started.push(controllers.start());
      }
      if (parts.scheduler) {
        const { startScheduler } = await import('./start-scheduler.ts');
        const scheduler = startScheduler(clientFor('system:kube-scheduler'), informers, options);
        running.push(scheduler);
        started.push(scheduler.start());
      }
      await Promise.all(started);
    },
    async stop() {
      for (const part of running.reverse()) await part.stop();
      informers.stop();
      security.close();
      await api.close();
    },
  };
}

function aggregationOf({
  frontProxy,
  certificateAuthority,
}: ControlPlaneOptions): Pick<ApiServerOptions, 'aggregation'> {
  return frontProxy ? { aggregation: { frontProxy, clientAuthority: certificateAuthority } } : {};
}

async function writeDefaultClasses(options: ControlPlaneOptions): Promise<void> {
  const { store, clock, random, localVolumes, ingressClass } = options;
  await Promise.all([
    localVolumes && writeDefaultStorageClass({ store, clock, random, provisioner: localVolumes.provisioner }),
    ingressClass && writeDefaultIngressClass({ store, clock, random, ...ingressClass }),
  ]);
}

const serviceAccountGroups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system'];

/** Controllers have service accounts of kube-system; the manager itself is a user of its own. */
function controllerUser(account: string): string {
  return account === 'kube-controller-manager' ? `system:${account}` : `system:serviceaccount:kube-system:${account}`;
}

/** The user that a component of the control plane is. */
function component(name: string): User {
  const groups = name.startsWith('system:serviceaccount:') ? serviceAccountGroups : [];
  return { name, groups: [...groups, 'system:authenticated'] };
}
