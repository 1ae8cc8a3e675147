import { expect, it } from 'vitest';
import { backendLines } from './backend-text.ts';
import { plainSettings } from './settings.ts';

it('keeps no copies of requests that are not to be sent again', () => {
  const lines = backendLines('b', { ...plainSettings, retries: { count: 0, after: ['conn-failure'] } });
  expect(lines.filter((line) => line.includes('retr'))).toEqual([
    '  retries 0',
    '  retry-on none',
    '  http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }',
  ]);
});
