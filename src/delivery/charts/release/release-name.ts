import { ReleaseError } from './release.ts';

const pattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * What Helm demands of names (`chartutil.ValidateReleaseName`), in its words. `before` stands in front of them.
 *
 * @throws ReleaseError when no release can have the name
 */
export function requireReleaseName(name: string, before = ''): void {
  if (name.length <= 53 && pattern.test(name)) return;
  throw new ReleaseError(
    `${before}release name ${JSON.stringify(name)}: invalid release name, must match regex ${pattern.source} and the ` +
      'length must not be longer than 53',
  );
}
