import { expect, it } from 'vitest';
import { backendLines } from './backend-text.ts';
import { type BackendSettings, plainSettings } from './settings.ts';

it('keeps no copies of requests that are not to be sent again', () => {
  const lines = backendLines('b', { ...plainSettings, retries: { count: 0, after: ['conn-failure'] } });
  expect(lines.filter((line) => line.includes('retr'))).toEqual([
    '  retries 0',
    '  retry-on none',
    '  http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }',
  ]);
  expect(lines.join()).not.toContain('wait-for-body');
});

it('waits for small bodies of requests that may be sent again', () => {
  const waits = (settings: BackendSettings) =>
    backendLines('b', settings).filter((line) => line.includes('wait-for-body'));
  const small = '{ req.hdr(content-length) -m int 1:15000 }';
  expect(waits(plainSettings)).toEqual([`  http-request wait-for-body time 60s if { method PUT DELETE } ${small}`]);
  expect(waits({ ...plainSettings, retries: { unsafe: true } })).toEqual([
    `  http-request wait-for-body time 60s if ${small}`,
  ]);
});
