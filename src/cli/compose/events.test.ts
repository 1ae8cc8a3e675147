import { describe, expect, it } from 'vitest';
import type { ProjectContainer } from '../../delivery/compose/run/containers.ts';
import { eventsBetween } from './events.ts';

type Look = Pick<ProjectContainer, 'state' | 'health'>;

function containers(looks: Record<string, Look>): Map<string, ProjectContainer> {
  const rest = { service: 'web', image: 'web', command: '', exitCode: 0, createdAt: '', since: '', publishers: [] };
  return new Map(
    Object.entries(looks).map(([name, look]) => [name, { ...rest, ...look, name, isOneOff: false, pod: undefined }]),
  );
}

const running: Look = { state: 'running', health: '' };

describe('events of containers', () => {
  it.each<[string, Record<string, Look>, Record<string, Look>, string[]]>([
    ['one that is new', {}, { a: { state: 'created', health: '' } }, ['create']],
    ['one that is found running', {}, { a: running }, ['create', 'start']],
    ['one that has started', { a: { state: 'created', health: '' } }, { a: running }, ['start']],
    ['one that has ended', { a: running }, { a: { state: 'exited', health: '' } }, ['die']],
    ['one that is paused', { a: running }, { a: { state: 'paused', health: '' } }, ['pause']],
    ['one that goes on', { a: { state: 'paused', health: '' } }, { a: running }, ['unpause']],
    ['one that gets healthy', { a: running }, { a: { ...running, health: 'healthy' } }, ['health_status: healthy']],
    ['one that is gone', { a: running }, {}, ['destroy']],
    ['one that stays', { a: running }, { a: running }, []],
  ])('tell of %s', (_, before, now, actions) => {
    expect(eventsBetween(containers(before), containers(now)).map(({ action }) => action)).toEqual(actions);
  });

  it('tell of one that was stopped that it was', () => {
    const [before, now] = [containers({ a: running }), containers({ a: { state: 'exited', health: '' } })];
    const a = now.get('a');
    if (a) a.pod = { metadata: { annotations: { 'timonel.dev/stopped': '' } } };
    expect(eventsBetween(before, now).map(({ action }) => action)).toEqual(['die', 'stop']);
  });
});
