/** When an image is pulled. */
export const pullPolicies = ['Always', 'IfNotPresent', 'Never'];

/** Pull policy of a container that names none: an image that moves (`latest`, or no tag) is pulled each time. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return endsWithLatest(image.slice(0, image.indexOf('@'))) ? 'Always' : 'IfNotPresent';
  const colon = image.lastIndexOf(':');
  const hasTag = colon > image.lastIndexOf('/');
  return !hasTag || endsWithLatest(image) ? 'Always' : 'IfNotPresent';
}

function endsWithLatest(name: string): boolean {
  return name.endsWith(':latest');
}
