import { expect, it } from 'vitest';
import { chartFunctions } from '../functions/functions.ts';
import { parseTemplates } from './engine.ts';

it('renders a template', () => {
  const set = parseTemplates([{ name: 't', text: '{{ .a | upper | quote }}' }], chartFunctions({}));
  expect(set.execute('t', { a: 'x' })).toBe('"X"');
});
