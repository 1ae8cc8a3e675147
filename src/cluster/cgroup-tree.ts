import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

/**
 * Directories of a control group and of all groups below it, in every hierarchy (one in v2, one for each controller in
 * v1), the deepest first.
 */
export function cgroupDirectories(group: string): string[] {
  const hierarchies = [root, ...subdirectories(root)];
  return hierarchies.flatMap((hierarchy) => tree(join(hierarchy, group)));
}

/** Removes a group with all groups below it, which must hold no process any more. Idempotent. */
export function removeCgroup(group: string): void {
  for (const directory of cgroupDirectories(group)) removeEmpty(directory);
}

/** Removes groups that are empty: `/timonel` when the last cluster has gone. */
export function removeCgroupIfEmpty(group: string): void {
  for (const hierarchy of [root, ...subdirectories(root)]) removeEmpty(join(hierarchy, group));
}

function tree(directory: string): string[] {
  try {
    return [
      ...readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .flatMap((entry) => tree(join(directory, entry.name))),
      directory,
    ];
  } catch {
    return [];
  }
}

function subdirectories(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
  } catch {
    return [];
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not there, or not empty: somebody else's.
  }
}
