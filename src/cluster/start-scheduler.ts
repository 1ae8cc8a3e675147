import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { createEventRecorder } from '../client/recorder.ts';
import { createScheduler, type Scheduler } from '../scheduler/scheduler.ts';
import type { Surroundings } from './control-plane.ts';

/** The scheduler with its events, ready to be started. */
export function startScheduler(client: Client, informers: Informers, { clock, random, log }: Surroundings): Scheduler {
  const recorder = createEventRecorder({ client, component: 'default-scheduler', clock, random, log });
  return createScheduler({ client, informers, recorder, clock, random, log });
}
