import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createHttpsClient } from '../client/https-client.ts';
import { loadConnection } from '../client/kubeconfig-file.ts';
import { runLeaderElection } from '../client/leader-election.ts';
import { createInformers } from '../client/shared-informers.ts';
import { createControllers } from '../controllers/manager.ts';
import { upstreamControllerSettings } from '../controllers/settings.ts';
import type { Surroundings } from './control-plane.ts';
import { startScheduler } from './start-scheduler.ts';

export interface Part {
  stop(): Promise<void>;
}

/** Controllers or the scheduler by themselves, against any Kubernetes API server, with the rights of one kubeconfig. */
export async function runPart(
  part: 'controllers' | 'scheduler',
  options: { kubeconfig?: string; leaderElect: boolean },
  surroundings: Surroundings,
): Promise<Part> {
  const { clock, random, log } = surroundings;
  const { connection } = await loadConnection({
    ...(options.kubeconfig && { file: options.kubeconfig }),
    environment: process.env,
  });
  const client = createHttpsClient(connection, { clock });
  const informers = createInformers({ client, clock, random, log });
  const begin = (): { start(): Promise<void>; stop(): void | Promise<void> } =>
    part === 'scheduler'
      ? startScheduler(client, informers, surroundings)
      : createControllers({
          ...{ informers, clock, random, log, clientFor: () => client, settings: upstreamControllerSettings },
          serviceAccountCa: connection.certificateAuthority ?? systemAuthorities(),
        });
  const abort = new AbortController();
  /** Works until the signal. */
  const lead = async (signal: AbortSignal): Promise<void> => {
    const running = begin();
    await running.start();
    log.info('at work', { part, server: connection.server });
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await running.stop();
  };
  const name = part === 'scheduler' ? 'kube-scheduler' : 'kube-controller-manager';
  const identity = `${hostname()}_${random.uuid()}`;
  const work = options.leaderElect
    ? runLeaderElection({ client, clock, random, log, name, identity, signal: abort.signal, lead })
    : lead(abort.signal);
  const ended = work.then((outcome) => {
    // Another has taken over: what this process remembers is of the past.
    if (outcome === 'lost') process.exit(1);
  });
  return {
    async stop() {
      abort.abort();
      await ended;
      informers.stop();
      client.close();
    },
  };
}

/** A server whose certificate the machine itself trusts: pods are told of the machine's authorities. */
function systemAuthorities(): string {
  try {
    return readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8');
  } catch {
    return '';
  }
}
