import { describe, expect, it } from 'vitest';
import { load } from '../../../test/support/compose.ts';
import { restartedWith, withRequired } from './start-order.ts';

const { project } = load(`services:
  web: { image: web, depends_on: [api] }
  api: { image: api, depends_on: { db: { condition: service_started, restart: true } } }
  db: { image: db }
  other: { image: other }
`);

describe('the order of starting', () => {
  it('takes along what a service waits for, and what that waits for', () => {
    expect(withRequired(project, ['web'])).toEqual(['web', 'api', 'db']);
    expect(withRequired(project, ['other', 'nothing'])).toEqual(['other', 'nothing']);
    expect(withRequired(project, [])).toEqual([]);
  });

  it('restarts after a service those that say so', () => {
    expect(restartedWith(project, ['db'])).toEqual(['api']);
    expect(restartedWith(project, ['api'])).toEqual([]);
  });
});
