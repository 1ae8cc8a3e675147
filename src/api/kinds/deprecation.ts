/**
 * The `Warning` text for a version that upstream no longer serves, worded as its API server words it.
 * `since` and `removed` are minor versions of Kubernetes 1.
 */
export function deprecated(
  apiVersion: string,
  kind: string,
  { since, removed, use }: { since: number; removed?: number; use?: string },
): string {
  const unavailable = removed === undefined ? '' : `, unavailable in v1.${removed}+`;
  return `${apiVersion} ${kind} is deprecated in v1.${since}+${unavailable}${use === undefined ? '' : `; use ${use}`}`;
}
