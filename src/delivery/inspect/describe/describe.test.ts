import { describe, expect, it } from 'vitest';
import { deploymentRollout } from '../rollout-status.ts';
import { alignTabs } from '../tab-writer.ts';
import { eventLines } from './events.ts';
import { annotationLines, labelLines } from './fields.ts';
import { genericLines, secretLines } from './plain.ts';

describe('tabs', () => {
  it('set cells of neighbouring lines below each other, two apart', () => {
    expect(
      alignTabs(['Name:\tweb', 'Labels:\tapp=web', '\ttier=a', 'Conditions:', '  Type\tStatus', '  Ready \tTrue ']),
    ).toEqual([
      'Name:    web',
      'Labels:  app=web',
      '         tier=a',
      'Conditions:',
      '  Type    Status',
      '  Ready   True ',
    ]);
  });
});

describe('descriptions', () => {
  it('never show what a secret holds', () => {
    const data = { password: Buffer.from('hunter2').toString('base64') };
    const lines = secretLines({ metadata: { name: 's', namespace: 'd' }, type: 'Opaque', data });
    expect(lines).toContain('password:\t7 bytes');
    expect(lines.join('\n')).not.toMatch(/hunter2|aHVudGVy/);
  });

  it('list labels in order, fold long annotations, and leave out what was applied', () => {
    expect(labelLines('Labels', { b: '2', a: '1' })).toEqual(['Labels:\ta=1', '\tb=2']);
    expect(labelLines('Labels', undefined)).toEqual(['Labels:\t<none>']);
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', note: 'two\nlines' };
    expect(annotationLines('Annotations', annotations)).toEqual(['Annotations:\tnote:', '\t  two', '\t  lines']);
  });

  it('of any kind have titles made of field names', () => {
    const metadata = { name: 'x', namespace: 'd', uid: 'u' };
    const lines = genericLines({
      apiVersion: 'a/v1',
      kind: 'K',
      metadata,
      spec: { clusterIP: 'c', items: [{ a: 1 }] },
    });
    expect(lines.slice(4)).toEqual([
      ...['API Version:\ta/v1', 'Kind:\tK', 'Metadata:', '  UID:\tu'],
      ...['Spec:', '  Cluster IP:\tc', '  Items:', '    A:\t1'],
    ]);
  });

  it('end with what happened, counted', () => {
    const event = {
      metadata: { name: 'e' },
      involvedObject: {},
      ...{ type: 'Warning', reason: 'BackOff', message: 'again', source: { component: 'kubelet' }, count: 3 },
      ...{ firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:01:00Z' },
    };
    const now = Date.parse('2026-01-01T00:01:05Z');
    expect(eventLines([event], now).at(-1)).toBe('  Warning\tBackOff\t5s (x3 over 65s)\tkubelet\tagain');
    expect(eventLines([], now)).toEqual(['Events:\t<none>']);
  });
});

describe('the rollout of a deployment', () => {
  const of = (status: Record<string, unknown>): unknown =>
    deploymentRollout({
      metadata: { name: 'web', generation: 2 },
      spec: { replicas: 3, selector: {}, template: {} },
      status: { observedGeneration: 2, ...status },
    });
  const waiting = 'Waiting for deployment "web" rollout to finish: ';

  it.each([
    [{ observedGeneration: 1 }, 'going', 'Waiting for deployment spec update to be observed...'],
    [{ updatedReplicas: 1 }, 'going', `${waiting}1 out of 3 new replicas have been updated...`],
    [{ updatedReplicas: 3, replicas: 4 }, 'going', `${waiting}1 old replicas are pending termination...`],
    [{ updatedReplicas: 3, replicas: 3 }, 'going', `${waiting}0 of 3 updated replicas are available...`],
    [{ updatedReplicas: 3, replicas: 3, availableReplicas: 3 }, 'done', 'deployment "web" successfully rolled out'],
    [
      { conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] },
      'failed',
      'deployment "web" exceeded its progress deadline',
    ],
  ])('%o is %s', (status, state, message) => {
    expect(of(status)).toEqual({ state, message });
  });
});
