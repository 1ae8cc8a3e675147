import type { ConfigMap, Secret, Volume, VolumeMount, VolumeProjection } from '../../../api/types/core-v1.ts';
import type { KubeObject } from '../../../api/object.ts';
import { posix } from 'node:path';
import type { ContainerSettings } from '../../../api/container-settings.ts';
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
  kind: Kind;
  index: number;
  reference: FileReference;
  projection: VolumeProjection;
  target: string;
  mode: number;
}

interface FileVolume {
  name: string;
  mountPath: string;
  /** The one file that is mounted, without what else is in the volume. */
  subPath?: string;
  files: Placed[];
}

/**
 * A service's secrets and configs as files: those of `/run/secrets` in one volume, which is that directory; every other
 * one mounted for itself, among the files that the image has there.
 */
export function fileMountsOf(scope: ServiceScope): Mounted {
  const all = fileVolumesOf(scope);
  if (scope.options.isLocal === false) for (const { files } of all) files.forEach((file) => checkOwner(scope, file));
  return {
    volumes: all.map(({ name, files }): Volume => {
      return { name, projected: { sources: files.map(({ projection }) => projection) } };
    }),
    mounts: all.map(({ name, mountPath, subPath }): VolumeMount => {
      return { name, mountPath, ...(subPath !== undefined && { subPath }), readOnly: true };
    }),
  };
}

/** Who the files of {@link fileMountsOf} belong to, where it is not root: pods have no field for it. */
export function fileOwnersOf(scope: ServiceScope): ContainerSettings['fileOwners'] {
  const owners = fileVolumesOf(scope).flatMap(({ name, files }) => {
    const entries = files.flatMap(({ target, reference: { uid, gid }, kind, index }) => {
      const numbers = { ...ownerNumber(scope, { kind, index, key: 'uid', text: uid }) };
      Object.assign(numbers, ownerNumber(scope, { kind, index, key: 'gid', text: gid }));
      return Object.keys(numbers).length > 0 ? [[posix.basename(target), numbers] as const] : [];
    });
    return entries.length > 0 ? [[name, Object.fromEntries(entries)] as const] : [];
  });
  return owners.length > 0 ? Object.fromEntries(owners) : undefined;
}

function ownerNumber(
  { problems, at }: ServiceScope,
  { kind, index, key, text }: { kind: Kind; index: number; key: 'uid' | 'gid'; text: string | undefined },
): { uid?: number; gid?: number } {
  if (text === undefined || text === '0') return {};
  if (/^\d+$/.test(text)) return { [key]: Number(text) };
  problems.refuse(at(kind, index, key), `${text} is no number`);
  return {};
}

const secretDirectory = '/run/secrets';

function fileVolumesOf(scope: ServiceScope): FileVolume[] {
  const placed = (['secrets', 'configs'] as const).flatMap((kind) =>
    (scope.service[kind] ?? []).map((reference, index) => place(scope, { kind, reference, index })),
  );
  const together = placed.filter(({ target }) => posix.dirname(target) === secretDirectory);
  const apart = placed.filter((each) => !together.includes(each));
  return [
    ...(together.length > 0 ? [{ name: 'secrets', mountPath: secretDirectory, files: together }] : []),
    ...apart.map((file, index) => ({
      name: `file-${index + 1}`,
      mountPath: file.target,
      subPath: posix.basename(file.target),
      files: [file],
    })),
  ];
}

function place(
  { project }: ServiceScope,
  { kind, reference, index }: { kind: Kind; reference: FileReference; index: number },
): Placed {
  const { source, target: given = source } = reference;
  const object = project[kind][source] ?? { name: source };
  const target = posix.resolve(kind === 'secrets' ? secretDirectory : '/', given);
  const mode = reference.mode === undefined ? 0o444 : Number.parseInt(reference.mode, 8);
  const from = {
    name: fileObjectName(kind, source, object),
    items: [{ key: contentKey(source, object), path: posix.basename(target), mode }],
  };
  const projection = kind === 'secrets' ? { secret: from } : { configMap: from };
  return { kind, index, reference, projection, target, mode };
}

/** Nodes of other clusters give files to root. */
function checkOwner({ problems, at }: ServiceScope, { kind, index, reference: { uid, gid }, mode }: Placed): void {
  const owner = [uid, gid].filter((id) => id !== undefined && id !== '0');
  if (owner.length > 0 && (mode & 0o004) === 0) {
    problems.refuse(at(kind, index, 'uid'), 'files belong to root, and mode does not let others read this one');
  } else if (owner.length > 0) {
    problems.warn(at(kind, index, 'uid'), 'files belong to root; everybody may read this one');
  }
}
