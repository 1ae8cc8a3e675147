import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Haproxy } from '../haproxy/haproxy.ts';
import type { ProxyPlace } from './config-text.ts';
import type { ProxyModel } from './model.ts';
import { type Command, planChange, planLoad, preparedVersion, type Running } from './plan.ts';

/** A proxy that does what a model says. */
export interface IngressProxy {
  /**
   * Brings the running proxy to the model: by commands where that is possible, else by a reload. No request is lost
   * either way. Resolves when it does what the model says; rejects when HAProxy refuses, and what ran goes on.
   */
  apply(model: ProxyModel): Promise<{ reloaded: boolean }>;
}

export function createIngressProxy(options: {
  haproxy: Haproxy;
  place: ProxyPlace;
  clock: Clock;
  log: Logger;
}): IngressProxy {
  const { haproxy, place, log } = options;
  // Unknown at first: the proxy may have been told anything by the server before.
  let running: Running | undefined;
  return {
    async apply(model) {
      const change = running && planChange(running, model, place);
      if (change) {
        running = undefined;
        const refused = await sendAll(haproxy, change.commands);
        if (refused === undefined) {
          running = change.running;
          return { reloaded: false };
        }
        // What came of the commands before is not known; a reload is right whatever it was.
        log.warn('HAProxy refused a change; it is loaded anew', { refused });
      }
      const load = planLoad(model, place);
      await haproxy.load(load.files);
      running = load.running;
      return { reloaded: true };
    },
  };
}

/** Sends commands in order; answers what the first that did not work came to. */
async function sendAll(haproxy: Haproxy, commands: readonly Command[]): Promise<string | undefined> {
  let version = '';
  for (const batch of batches(commands)) {
    const texts = batch.map(({ text }) => text.replace(`@${preparedVersion}`, `@${version}`));
    let answers: string[];
    try {
      answers = await haproxy.send(texts);
    } catch (error) {
      return (error as Error).message;
    }
    const failed = answers.findIndex((answer, index) => !batch[index]?.succeeded.test(answer));
    if (failed >= 0) return `${texts[failed]?.split('\n')[0]}: ${answers[failed]}`;
    version = /^New version created: (\d+)/.exec(answers.at(-1) ?? '')?.[1] ?? version;
  }
  return undefined;
}

/** What may be sent without waiting: all, but that the number of a prepared map must be known before it is used. */
function* batches(commands: readonly Command[]): Iterable<Command[]> {
  let batch: Command[] = [];
  for (const command of commands) {
    batch.push(command);
    if (!command.text.startsWith('prepare map ')) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
