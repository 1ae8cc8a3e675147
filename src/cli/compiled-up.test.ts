import { expect, it } from 'vitest';
import { compiledUp } from './compiled-up.ts';

it('sources run as they are', () => {
  expect(compiledUp()).toBeUndefined();
});
