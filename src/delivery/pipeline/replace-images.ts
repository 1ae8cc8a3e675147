import type { AnyObject, KubeObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import type { ImageReference } from './variables.ts';

/**
 * Objects whose containers run what was built: an image that has the repository of one of ours (`web`, `team/web:1`,
 * whatever its registry and tag) becomes the reference that it was pushed under. Pure; what has no such image is the
 * same object.
 */
export function replaceImages(
  objects: readonly KubeObject[],
  built: readonly { repository: string; image: ImageReference }[],
): KubeObject[] {
  const references = new Map(built.map(({ repository, image }) => [repository, image.reference]));
  return objects.map((object) => replaced(object, references) as KubeObject);
}

function replaced(value: unknown, references: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => replaced(item, references));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    if (!/^(?:initC|ephemeralC|c)ontainers$/.test(key) || !Array.isArray(inner))
      return [key, replaced(inner, references)];
    return [key, inner.map((container: unknown) => withImage(container, references))];
  });
  return Object.fromEntries(entries);
}

function withImage(container: unknown, references: ReadonlyMap<string, string>): unknown {
  const { image } = isJsonObject(container) ? (container as AnyObject) : { image: undefined };
  const reference = typeof image === 'string' ? references.get(repositoryOf(image)) : undefined;
  return reference === undefined ? container : { ...(container as AnyObject), image: reference };
}

/** `localhost:5000/team/web:1@sha256:…` → `team/web` */
function repositoryOf(image: string): string {
  const [named = ''] = image.split('@');
  const parts = named.split('/');
  const [host = ''] = parts;
  const isHost = parts.length > 1 && (/[.:]/.test(host) || host === 'localhost');
  return (isHost ? parts.slice(1) : parts).join('/').replace(/:[^/:]*$/, '');
}
