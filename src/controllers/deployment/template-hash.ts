import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import { canonicalJson, semanticallyEqual } from '../semantic-equality.ts';

const templateHashLabel = 'pod-template-hash';

/** No vowels and nothing that looks like another letter: a hash never spells a word. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const hashLength = 10;

/** Ten letters that stand for the template. `collisionCount` gives another hash when two templates fell together. */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  const text = canonicalJson(template) + (collisionCount === undefined ? '' : `#${collisionCount}`);
  let hash = fnv1a64(text);
  let letters = '';
  for (let i = 0; i < hashLength; i++) {
    letters += alphabet[Number(hash % BigInt(alphabet.length))];
    hash /= BigInt(alphabet.length);
  }
  return letters;
}

/** Are these the same but for the hash label that a replica set's template carries? */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return semanticallyEqual(withoutHash(a ?? {}), withoutHash(b ?? {}));
}

/** The oldest replica set with the deployment's template: the new one, all others are old. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return sets.toSorted(oldestFirst).find((set) => sameTemplate(set.spec?.template, deployment.spec?.template));
}

export function oldestFirst(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
}

export function withHash(template: PodTemplateSpec, hash: string): PodTemplateSpec {
  const labels = { ...template.metadata?.labels, [templateHashLabel]: hash };
  return { ...structuredClone(template), metadata: { ...template.metadata, labels } };
}

export function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [templateHashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

export function selectorWithHash(selector: LabelSelector, hash: string): LabelSelector {
  return { ...selector, matchLabels: { ...selector.matchLabels, [templateHashLabel]: hash } };
}

/** FNV-1a, 64 bits, over UTF-16 code units. */
function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  }
  return hash;
}
