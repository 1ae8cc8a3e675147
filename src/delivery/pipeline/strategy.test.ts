import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/object.ts';
import { parseManifests } from '../apply/manifests.ts';
import type { Strategy } from './ship-file.ts';
import { type Stage, stagesOf, versioned } from './strategy.ts';

const canary: Strategy = { type: 'canary', steps: [{ weight: 10, pauseMs: 5000 }] };
const blueGreen: Strategy = { type: 'blue-green' };
const objects = (image: string, replicas = 4): KubeObject[] =>
  parseManifests(
    `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: "${image}"}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 9}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec: {selector: {matchLabels: {app: worker}}, template: {metadata: {labels: {app: worker}}}}
`,
    'test',
  ).map(({ object }) => object);

/** What matters of a stage: `web-1f 4` is a Deployment with its replicas, `web -> 1f` a Service with its version. */
function told({ objects: all, checks, title }: Stage, names: Map<string, string>): string[] {
  const short = (text: string): string => [...names].reduce((part, [long, name]) => part.replaceAll(long, name), text);
  const lines = all.flatMap((object) => {
    const { spec, metadata } = object as KubeObject & { spec: { replicas?: number; selector: Record<string, string> } };
    if (object.kind === 'Deployment') return metadata.name === 'worker' ? [] : [`${metadata.name} ${spec.replicas}`];
    if (object.kind !== 'Service') return [];
    const weights = metadata.annotations?.['timonel.dev/weights'];
    return [`${metadata.name} -> ${weights ?? spec.selector['timonel.dev/version'] ?? 'all'}`];
  });
  return [`${checks}: ${short(title)}`, ...lines.map(short)];
}

function way(from: KubeObject[], to: KubeObject[], strategy: Strategy, honoursWeights = true): string[][] {
  const names = new Map<string, string>();
  for (const [i, set] of [from, to].entries()) {
    for (const { kind, metadata } of set) {
      const version = metadata.labels?.['timonel.dev/version'];
      if (kind === 'Deployment' && version) names.set(version, ['old', 'new'][i] as string);
    }
  }
  return stagesOf({ previous: from, wanted: to }, strategy, { honoursWeights }).map((stage) => told(stage, names));
}

describe('objects of a strategy', () => {
  it('are as they are for a rolling update', () => {
    expect(versioned(objects('a'), { type: 'rolling' })).toEqual(objects('a'));
  });

  it('have a name for each version where a service leads to them, and so do their autoscalers', () => {
    const [web, service, scaler, worker] = versioned(objects('a'), canary) as (KubeObject & { spec: unknown })[];
    expect(web?.metadata.name).toMatch(/^web-[0-9a-f]{8}$/);
    const version = web?.metadata.name?.slice(4);
    const label = { 'timonel.dev/version': version };
    expect(web).toMatchObject({
      metadata: { labels: label, annotations: { 'timonel.dev/deployment': 'web' } },
      spec: {
        selector: { matchLabels: { app: 'web', ...label } },
        template: { metadata: { labels: { app: 'web', ...label } } },
      },
    });
    expect(scaler?.spec).toMatchObject({ scaleTargetRef: { name: web?.metadata.name } });
    expect(service).toEqual(objects('a')[1]);
    expect(worker?.metadata).toEqual({ name: 'worker' });
    expect(versioned(objects('a', 9), canary)[0]?.metadata.name).toBe(web?.metadata.name);
    expect(versioned(objects('b'), canary)[0]?.metadata.name).not.toBe(web?.metadata.name);
  });
});

describe('stages', () => {
  it('of blue/green bring the new version up, try it, switch, and take the old one away', () => {
    expect(way(versioned(objects('a'), blueGreen), versioned(objects('b'), blueGreen), blueGreen)).toEqual([
      [
        'preview: Bringing the new version up beside the old one',
        ...['web-new 4', 'web -> old', 'web-old 4', 'web-preview -> new'],
      ],
      ['live: Switching the services over', 'web-new 4', 'web -> new', 'web-old 4'],
      ['none: Taking the old version away', 'web-new 4', 'web -> new'],
    ]);
  });

  it('of a canary are weights where services know them', () => {
    expect(way(versioned(objects('a'), canary), versioned(objects('b'), canary), canary)).toEqual([
      [
        'live: 10 % to the new version',
        ...['web-new 4', 'web -> timonel.dev/version=old:90,timonel.dev/version=new:10', 'web-old 4'],
      ],
      [
        'live: All of it to the new version',
        ...['web-new 4', 'web -> timonel.dev/version=old:0,timonel.dev/version=new:100', 'web-old 4'],
      ],
      ['none: Taking the old version away', 'web-new 4', 'web -> all'],
    ]);
  });

  it('of a canary are numbers of pods elsewhere, and where the old version has no name of its own', () => {
    const steps = [
      [
        'live: About 10 % to the new version: 1 of 5 pods, as services know no weights here',
        ...['web-new 1', 'web -> all', 'web-old 4'],
      ],
      ['live: All of it to the new version', 'web-new 4', 'web -> all', 'web-old 4'],
      ['none: Taking the old version away', 'web-new 4', 'web -> all'],
    ];
    expect(way(versioned(objects('a'), canary), versioned(objects('b'), canary), canary, false)).toEqual(steps);
    const fromRolling = way(objects('a'), versioned(objects('b'), canary), canary);
    expect(fromRolling.map((lines) => lines.map((line) => line.replace('web 4', 'web-old 4')))).toEqual(steps);
  });

  it('are one when there is no old version, or the same', () => {
    const made = versioned(objects('b'), canary);
    expect(way([], made, canary)).toEqual([['live: Rolling out', 'web-new 4', 'web -> all']]);
    expect(way(versioned(objects('b', 2), canary), made, canary)).toHaveLength(1);
  });

  it('of a rolling update keep versions of another strategy until the new one is there', () => {
    const stages = way(versioned(objects('a'), blueGreen), objects('b'), { type: 'rolling' });
    expect(stages).toEqual([
      ['live: Rolling out', 'web 4', 'web -> all', 'web-old 4'],
      ['none: Taking the old version away', 'web 4', 'web -> all'],
    ]);
  });
});
