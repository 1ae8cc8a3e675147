import type { ConfigMap, Secret, Volume, VolumeMount, VolumeProjection } from '../../../api/types/core-v1.ts';
import type { KubeObject } from '../../../api/object.ts';
import { posix } from 'node:path';
import type { FileObject, FileReference } from '../model.ts';
import type { Path } from '../tree.ts';
import { objectName, projectLabels } from './names.ts';
import type { Scope, ServiceScope } from './scope.ts';
import type { Mounted } from './volumes.ts';

type Kind = 'secrets' | 'configs';

/** What etcd takes of one object, and so what an API server does. */
const maxBytes = 1 << 20;

/** The Secrets and ConfigMaps of a project. Nothing of a secret is ever told. */
export function fileObjectsOf(scope: Scope): KubeObject[] {
  return (['secrets', 'configs'] as const).flatMap((kind) =>
    Object.entries(scope.project[kind]).flatMap(([key, object]) => {
      if (object.external) return [];
      const path: Path = [kind, key];
      if (object.driver) {
        scope.problems.refuse([...path, 'driver'], `there is no driver ${object.driver}`);
        return [];
      }
      const content = contentOf(scope, object, path);
      return content === undefined ? [] : [fileObject(scope, { kind, key, object, content })];
    }),
  );
}

/** The object that has a secret's or config's content, in which its key is named like it. */
function fileObjectName(kind: Kind, key: string, object: FileObject): string {
  return objectName(object.external ? object.name : `${key}-${kind === 'secrets' ? 'secret' : 'config'}`);
}

function contentKey(key: string, object: FileObject): string {
  return (object.external ? object.name : key).replace(/[^A-Za-z0-9._-]/g, '-');
}

function contentOf({ project, options, problems }: Scope, object: FileObject, path: Path): Buffer | undefined {
  const { file, environment, content } = object;
  if (content !== undefined) return Buffer.from(content);
  if (environment !== undefined) {
    const value = project.environment[environment];
    if (value === undefined) problems.refuse([...path, 'environment'], `the variable ${environment} is not set`);
    return value === undefined ? undefined : Buffer.from(value);
  }
  if (file === undefined) return undefined;
  const bytes = options.files.isDirectory(file) ? undefined : options.files.readBytes(file);
  if (!bytes) problems.refuse([...path, 'file'], `there is no file ${file}`);
  else if (bytes.length > maxBytes)
    problems.refuse([...path, 'file'], `${file} is larger than 1 MiB, which is what an object holds`);
  return bytes && Buffer.from(bytes);
}

function fileObject(
  { project }: Scope,
  { kind, key, object, content }: { kind: Kind; key: string; object: FileObject; content: Buffer },
): Secret | ConfigMap {
  const metadata = {
    name: fileObjectName(kind, key, object),
    labels: projectLabels(project.name),
    annotations: object.labels,
  };
  const name = contentKey(key, object);
  if (kind === 'secrets') {
    return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: { [name]: content.toString('base64') } };
  }
  const text = content.toString('utf8');
  const isText = Buffer.from(text).equals(content);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    ...(isText ? { data: { [name]: text } } : { binaryData: { [name]: content.toString('base64') } }),
  };
}

interface Placed {
  projection: VolumeProjection;
  target: string;
}

/**
 * A service's secrets and configs as files: those of `/run/secrets` in one volume, which is that directory; every other
 * one mounted for itself, among the files that the image has there.
 */
export function fileMountsOf(scope: ServiceScope): Mounted {
  const placed = (['secrets', 'configs'] as const).flatMap((kind) =>
    (scope.service[kind] ?? []).map((reference, index) => place(scope, { kind, reference, index })),
  );
  const together = placed.filter(({ target }) => posix.dirname(target) === secretDirectory);
  const apart = placed.filter((each) => !together.includes(each));
  const volumes: Volume[] = [];
  const mounts: VolumeMount[] = [];
  if (together.length > 0) {
    volumes.push({ name: 'secrets', projected: { sources: together.map(({ projection }) => projection) } });
    mounts.push({ name: 'secrets', mountPath: secretDirectory, readOnly: true });
  }
  for (const [index, { projection, target }] of apart.entries()) {
    const name = `file-${index + 1}`;
    volumes.push({ name, projected: { sources: [projection] } });
    mounts.push({ name, mountPath: target, subPath: posix.basename(target), readOnly: true });
  }
  return { volumes, mounts };
}

const secretDirectory = '/run/secrets';

function place(
  { project, problems, at }: ServiceScope,
  { kind, reference, index }: { kind: Kind; reference: FileReference; index: number },
): Placed {
  const { source, target = source, uid, gid, mode } = reference;
  const object = project[kind][source] ?? { name: source };
  const absolute = posix.resolve(kind === 'secrets' ? secretDirectory : '/', target);
  const bits = mode === undefined ? 0o444 : Number.parseInt(mode, 8);
  const owner = [uid, gid].filter((id) => id !== undefined && id !== '0');
  if (owner.length > 0 && (bits & 0o004) === 0) {
    problems.refuse(at(kind, index, 'uid'), 'files belong to root, and mode does not let others read this one');
  } else if (owner.length > 0) {
    problems.warn(at(kind, index, 'uid'), 'files belong to root; everybody may read this one');
  }
  const from = {
    name: fileObjectName(kind, source, object),
    items: [{ key: contentKey(source, object), path: posix.basename(absolute), mode: bits }],
  };
  return { target: absolute, projection: kind === 'secrets' ? { secret: from } : { configMap: from } };
}
