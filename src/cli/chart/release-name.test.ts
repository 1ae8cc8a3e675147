import { describe, expect, it } from 'vitest';
import { requireReleaseName } from '../../delivery/charts/release/release-name.ts';
import { nameAndChart } from './release-name.ts';

describe('the words behind install and template', () => {
  it('are a name and a chart, or a chart alone', async () => {
    expect(await nameAndChart(['web', './web'], {})).toEqual({ name: 'web', reference: './web' });
    expect(await nameAndChart(['./web'], {}, 'release-name')).toEqual({ name: 'release-name', reference: './web' });
    expect(await nameAndChart(['./web'], { nameTemplate: '{{ lower "ABC" }}-x' })).toMatchObject({ name: 'abc-x' });
    expect((await nameAndChart(['repo/web-1.2.3.tgz'], { generateName: true })).name).toMatch(/^web-\d+$/);
  });

  it.each([
    [['./web'], {}, 'must either provide a name or specify --generate-name'],
    [['web', './web'], { generateName: true }, 'cannot set --generate-name and also specify a name'],
    [['web', './web'], { nameTemplate: 'x' }, 'cannot set --name-template and also specify a name'],
    [['a', 'b', 'c', 'd'], {}, 'expected at most two arguments, unexpected arguments: c, d'],
    [['./web'], { nameTemplate: '{{ nope }}' }, 'function "nope" not defined'],
  ])('are refused otherwise, in Helm’s words: %j %j', async (words, flags, said) => {
    await expect(nameAndChart(words, flags)).rejects.toThrow(said);
  });
});

describe('the name of a release', () => {
  it.each(['a', 'web-1', 'a.b-c.d', 'x'.repeat(53)])('may be %s', (name) => {
    expect(() => requireReleaseName(name)).not.toThrow();
  });

  it.each(['', 'Web', 'web_1', '-web', 'web-', 'a..b', 'x'.repeat(54), 'a/b', 'a\nb'])('must not be %j', (name) => {
    expect(() => requireReleaseName(name, 'release name check failed: ')).toThrow(
      `release name check failed: release name ${JSON.stringify(name)}: invalid release name, must match regex ^[a-z0-9]`,
    );
  });
});
