import type { AnyObject, KubeObject } from '../../api/object.ts';
import { lastAppliedAnnotation } from '../../api/well-known.ts';

/** Which values of a secret change is told, the values are not. */
export function maskedSecrets(
  before: KubeObject | undefined,
  after: KubeObject,
): { before: KubeObject | undefined; after: KubeObject } {
  const [old, now] = [before, after].map((each) => ((each as AnyObject | undefined)?.['data'] ?? {}) as Fields) as [
    Fields,
    Fields,
  ];
  const masked = (own: Fields, other: Fields, side: string): Fields =>
    Object.fromEntries(
      Object.entries(own).map(([key, value]) => {
        const isChanged = Object.hasOwn(other, key) && other[key] !== value;
        return [key, isChanged ? `*** (${side})` : '***'];
      }),
    );
  return {
    before: before && withData(before, masked(old, now, 'before')),
    after: withData(after, masked(now, old, 'after')),
  };
}

type Fields = Record<string, string>;

/** What was applied holds the values as well. */
function withData(secret: KubeObject, data: Fields): KubeObject {
  const { [lastAppliedAnnotation]: _, ...annotations } = secret.metadata.annotations ?? {};
  return { ...secret, metadata: { ...secret.metadata, annotations }, data } as KubeObject;
}
