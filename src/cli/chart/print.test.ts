import { describe, expect, it } from 'vitest';
import { structJson } from '../../delivery/charts/functions/json.ts';
import { decodeRelease, encodeRelease } from '../../delivery/charts/release/codec.ts';
import { type Hook, type Release, suppliedValues } from '../../delivery/charts/release/release.ts';
import { applyMethodText } from './get.ts';
import { helmTable, listTime, releaseData, statusText } from './print.ts';

process.env['TZ'] = 'UTC';

const hook: Hook = {
  ...{ name: 'check', kind: 'Pod', path: 'web/templates/check.yaml', manifest: 'kind: Pod', events: ['test'] },
  ...{ weight: 0, deletePolicies: [], outputLogPolicies: [] },
  lastRun: { startedAt: '2026-01-02T03:04:05Z', completedAt: '2026-01-02T03:04:09Z', phase: 'Succeeded' },
};

function release(over: Partial<Release> = {}): Release {
  return {
    ...{ name: 'web', namespace: 'shop', version: 3, config: {}, manifest: 'kind: Secret\n', hooks: [], labels: {} },
    info: {
      ...{ firstDeployed: '2026-01-01T00:00:00Z', lastDeployed: '2026-01-02T03:04:05Z', deleted: '' },
      ...{ description: 'Upgrade complete', status: 'deployed', notes: '\nLook at <web> & co.\n\n' },
    },
    chart: {
      metadata: { name: 'web', version: '1.2.3', apiVersion: 'v2', appVersion: '9' },
      ...{ lock: null, templates: [], values: { a: 1 }, files: [] },
    },
    ...over,
  };
}

describe('what is printed of a release', () => {
  it('tells its state, line by line', () => {
    expect(statusText(release()).split('\n')).toEqual([
      'NAME: web',
      'LAST DEPLOYED: Fri Jan  2 03:04:05 2026',
      'NAMESPACE: shop',
      'STATUS: deployed',
      'REVISION: 3',
      'DESCRIPTION: Upgrade complete',
      'TEST SUITE: None',
      'NOTES:',
      'Look at <web> & co.',
    ]);
  });

  it('has the chart before the description where everything is shown', () => {
    const lines = statusText(release({ hooks: [hook] }), { showMetadata: true, hideNotes: true }).split('\n');
    expect(lines.slice(4)).toEqual([
      ...['REVISION: 3', 'CHART: web', 'VERSION: 1.2.3', 'APP_VERSION: 9', 'DESCRIPTION: Upgrade complete'],
      ...['TEST SUITE:     check', 'Last Started:   Fri Jan  2 03:04:05 2026'],
      ...['Last Completed: Fri Jan  2 03:04:09 2026', 'Phase:          Succeeded'],
    ]);
  });

  it('shows values as none where an upgrade was given none, and as null otherwise', () => {
    const shown = (isUpgrade: boolean): string | undefined =>
      statusText(release({ config: {} }), { showValues: true, isUpgrade })
        .split('USER-SUPPLIED VALUES:\n')[1]
        ?.split('\n')[0];
    expect([shown(true), shown(false)]).toEqual(['{}', 'null']);
  });

  it('tells where things are between what became of it and its tests', () => {
    const { info } = release();
    const text = statusText(release({ info: { ...info, description: '', notes: '' } }), {
      resources: '==> v1/Pod\nx\n',
    });
    expect(text).toContain('\nREVISION: 3\nDESCRIPTION: \nRESOURCES:\n==> v1/Pod\nx\n\nTEST SUITE: None');
    const data = releaseData(release(), { withChart: false, resources: { 'v1/Pod': [{ kind: 'Pod' }] } });
    expect(structJson(data)).toContain('"resources":{"v1/Pod":[{"kind":"Pod"}]}},"manifest"');
  });

  it('leaves out times that never were, and a revision that has no number', () => {
    const never = { ...hook, lastRun: { startedAt: '', completedAt: '', phase: 'Unknown' as const } };
    const bare = release({ version: 0, hooks: [never] });
    const data = releaseData({ ...bare, info: { ...bare.info, firstDeployed: '', notes: '' } }, { withChart: false });
    expect(structJson(data)).toBe(
      '{"name":"web","info":{"last_deployed":"2026-01-02T03:04:05Z","description":"Upgrade complete",' +
        '"status":"deployed"},"manifest":"kind: Secret\\n","hooks":[{"name":"check","kind":"Pod",' +
        '"path":"web/templates/check.yaml","manifest":"kind: Pod","events":["test"],"last_run":{"phase":""}}],' +
        '"namespace":"shop"}',
    );
  });

  it.each([
    [undefined, 'client-side apply (defaulted)'],
    ['csa', 'client-side apply'],
    ['ssa', 'server-side apply'],
    ['xyz', 'unknown ("xyz")'],
  ])('tells how its objects were applied: %s', (method, text) => {
    expect(applyMethodText(method)).toBe(text);
  });

  it('has a line for a time that never was', () => {
    expect([listTime(''), listTime('2026-01-02T03:04:05Z')]).toEqual(['-', '2026-01-02 03:04:05 +0000 UTC']);
  });

  it('says nothing of tests that were not run yet', () => {
    const waiting = { ...hook, lastRun: { startedAt: '', completedAt: '', phase: 'Unknown' as const } };
    expect(statusText(release({ hooks: [waiting] }))).not.toContain('TEST SUITE');
    expect(statusText(release({ hooks: [waiting, hook] })).match(/TEST SUITE/g)).toHaveLength(1);
  });

  it("is JSON with Helm's names, which encoding/json would write", () => {
    const text = structJson(releaseData(release({ hooks: [hook] }), { withChart: false }));
    expect(text).toBe(
      '{"name":"web","info":{"first_deployed":"2026-01-01T00:00:00Z","last_deployed":"2026-01-02T03:04:05Z",' +
        '"description":"Upgrade complete","status":"deployed",' +
        '"notes":"\\nLook at \\u003cweb\\u003e \\u0026 co.\\n\\n"},"manifest":"kind: Secret\\n","hooks":[{"name":"check",' +
        '"kind":"Pod","path":"web/templates/check.yaml","manifest":"kind: Pod","events":["test"],"last_run":' +
        '{"started_at":"2026-01-02T03:04:05Z","completed_at":"2026-01-02T03:04:09Z","phase":"Succeeded"}}],' +
        '"version":3,"namespace":"shop"}',
    );
    expect(Object.keys(releaseData(release()))).toEqual([
      ...['name', 'info', 'chart', 'manifest', 'version', 'namespace'],
    ]);
  });

  it("tells that no values were given, in Helm's way", () => {
    expect(structJson(suppliedValues(release()))).toBe('null');
    expect(structJson(suppliedValues(release({ config: { a: '<' } })))).toBe('{"a":"\\u003c"}');
  });

  it('is what is stored: nothing is lost on the way', () => {
    const full = release({ config: { b: [1, { c: null }] }, hooks: [hook], applyMethod: 'ssa' });
    expect(decodeRelease(encodeRelease(full))).toEqual(full);
    expect(decodeRelease(encodeRelease(release()))).toEqual(release());
  });
});

describe('a table', () => {
  it('cuts nothing unless it is told to', () => {
    const long = 'x'.repeat(100);
    expect(
      helmTable([
        ['A', 'B'],
        [long, '1'],
      ]),
    ).toBe(`${'A'.padEnd(100)}\tB\n${long}\t1`);
    expect(helmTable([['A'], [long]], 50)).toBe(`${'A'.padEnd(50)}\n${'x'.repeat(47)}...`);
  });
});
