import { expect, it } from 'vitest';
import { systemClock } from '../../../base/system-clock.ts';
import { seededRandom } from '../../../base/random.ts';
import { chartFunctions } from '../functions/functions.ts';
import { parseTemplates } from './engine.ts';

it('renders a template', () => {
  const functions = chartFunctions({ clock: systemClock, random: seededRandom(1) });
  const set = parseTemplates([{ name: 't', text: '{{ .a | upper | quote }}' }], functions);
  expect(set.execute('t', { a: 'x' })).toBe('"X"');
});
