/**
 * Calls `action` for 0 … count-1 in batches of 1, 2, 4, 8 …: when the first fails (quota, a broken template) the
 * rest is not tried, so that a hopeless controller does not flood the server. Answers how many succeeded and the
 * first error.
 */
export async function slowStart(
  count: number,
  action: (index: number) => Promise<void>,
): Promise<{ succeeded: number; error?: unknown }> {
  let succeeded = 0;
  let next = 0;
  for (let size = 1; next < count; size *= 2) {
    const batch = Array.from({ length: Math.min(size, count - next) }, (_, i) => next + i);
    next += batch.length;
    const results = await Promise.allSettled(batch.map(action));
    const failed = results.find((result) => result.status === 'rejected');
    succeeded += results.filter((result) => result.status === 'fulfilled').length;
    if (failed) return { succeeded, error: failed.reason };
  }
  return { succeeded };
}
