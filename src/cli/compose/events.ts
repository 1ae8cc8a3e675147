import { containersOf, type ContainerState, type ProjectContainer } from '../../delivery/compose/run/containers.ts';
import { isHeld } from '../../delivery/compose/run/condition.ts';
import { ProjectWatch } from '../../delivery/compose/run/project-watch.ts';
import { parseDuration } from '../../delivery/compose/units.ts';
import { clock } from '../context.ts';
import { createOutput } from '../output.ts';
import type { ComposeFlags } from './commands.ts';
import { requireServices, withProject } from './connection.ts';
import { timeOf } from './logs.ts';

export interface EventFlags extends ComposeFlags {
  json?: boolean;
  until?: string;
}

/** `timonel compose events`: what becomes of the containers, until Ctrl-C. */
export async function events(services: readonly string[], flags: EventFlags): Promise<void> {
  await withProject(flags, async (session) => {
    requireServices(session, services);
    const watch = new ProjectWatch(session.context);
    await watch.synced();
    let before = containersNow(watch);
    const look = (): void => {
      const now = containersNow(watch);
      for (const event of eventsBetween(before, now)) {
        if (services.length === 0 || services.includes(event.container.service)) tell(event, flags);
      }
      before = now;
    };
    const stop = watch.onChange(look);
    await new Promise<void>((resolve) => {
      session.signal.addEventListener('abort', () => resolve(), { once: true });
      if (flags.until !== undefined) clock.setTimer(Math.max(0, endOf(flags.until) - clock.now()), () => resolve());
    });
    stop();
  });
}

type Containers = ReadonlyMap<string, ProjectContainer>;

function containersNow(watch: ProjectWatch): Containers {
  const all = containersOf({ pods: watch.pods(), workloads: [], services: [], isLocal: true });
  return new Map(all.map((each) => [each.name, each]));
}

interface ContainerEvent {
  action: string;
  container: ProjectContainer;
}

/** What has become of containers, in the words of Docker's events. Pure. */
export function eventsBetween(before: Containers, now: Containers): ContainerEvent[] {
  const events: ContainerEvent[] = [];
  for (const [name, container] of now) {
    const old = before.get(name);
    const tell = (action: string): void => void events.push({ action, container });
    if (!old) tell('create');
    const isGoingOn = old?.state === 'paused' && container.state === 'running';
    const action = old?.state === container.state ? undefined : actions[container.state];
    if (action) tell(isGoingOn ? 'unpause' : action);
    if (action === 'die' && container.pod && isHeld(container.pod)) tell('stop');
    if (old && old.health !== container.health && container.health !== '') tell(`health_status: ${container.health}`);
  }
  for (const [name, container] of before) if (!now.has(name)) events.push({ action: 'destroy', container });
  return events;
}

const actions: Partial<Record<ContainerState, string>> = {
  running: 'start',
  paused: 'pause',
  exited: 'die',
  restarting: 'die',
  removing: 'stop',
};

function tell({ action, container }: ContainerEvent, { json }: EventFlags): void {
  const { name, image, service } = container;
  const time = new Date(clock.now()).toISOString();
  const attributes = { image, name };
  createOutput().data(
    json
      ? JSON.stringify({ action, attributes, id: name, service, time, type: 'container' })
      : `${time} container ${action} ${name} (image=${image}, name=${name})`,
  );
}

/** A time, or how long from now. Epoch milliseconds. */
function endOf(until: string): number {
  const ago = timeOf('--until', until);
  return parseDuration(until) === undefined ? ago : 2 * clock.now() - ago;
}
