import { expect, it } from 'vitest';
import { leftText } from './release.ts';

it('says what an uninstall left, and why, in Helm’s words', () => {
  expect(leftText({ kept: [], foreign: [] })).toBe('');
  expect(leftText({ kept: ['[ConfigMap] a', '[Secret] b'], foreign: [] })).toBe(
    'These resources were kept due to the resource policy:\n[ConfigMap] a\n[Secret] b\n\n',
  );
  expect(leftText({ kept: ['[ConfigMap] a'], foreign: ['[Deployment] web'] })).toBe(
    'These resources were kept due to the resource policy:\n[ConfigMap] a\n\n' +
      '1 resource(s) were not deleted because they are not owned by this release:\n[Deployment] web\n\n',
  );
});
