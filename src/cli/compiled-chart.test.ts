import { homedir } from 'node:os';
import { expect, it } from 'vitest';
import { codeDirectory, compiledChart } from './compiled-chart.ts';

it('each command keeps compiled code of its own, and no command line leads elsewhere', () => {
  const environment = { XDG_CACHE_HOME: '/cache' };
  expect(codeDirectory(['chart', 'template', 'web'], environment)).toBe('/cache/timonel/chart/template');
  expect(codeDirectory(['chart', '../../x'], environment)).toBe('/cache/timonel/chart/other');
  expect(codeDirectory(['chart'], {})).toBe(`${homedir()}/.cache/timonel/chart/other`);
});

it('sources run as they are', () => {
  expect(compiledChart(['chart'], {})).toBeUndefined();
});
