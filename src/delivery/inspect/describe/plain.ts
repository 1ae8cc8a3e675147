import type { AnyObject } from '../../../api/object.ts';
import type { ConfigMap, Secret, ServiceAccount } from '../../../api/types/core-v1.ts';
import type { IngressClass } from '../../../api/types/networking-v1.ts';
import type { PriorityClass } from '../../../api/types/scheduling-v1.ts';
import { isJsonObject } from '../../../api/plain-json.ts';
import { annotationLines, indent, labelLines, type Lines, listed, pairs, sorted } from './fields.ts';
import { serviceAccountNameAnnotation } from '../../../api/well-known.ts';

/** Kinds that are described by little more than their fields. */

export function configMapLines({ metadata, data = {}, binaryData = {} }: ConfigMap): Lines {
  return [
    ...headLines(metadata),
    '',
    'Data',
    '====',
    ...sorted(data).flatMap(([key, value]) => [`${key}:`, '----', ...value.split('\n'), '']),
    '',
    'BinaryData',
    '====',
    ...sorted(binaryData).map(([key, value]) => `${key}: ${Buffer.from(value, 'base64').length} bytes`),
    '',
  ];
}

/** Values of secrets are not shown, only how long they are; tokens of service accounts are there to be read. */
export function secretLines({ metadata, type, data = {} }: Secret): Lines {
  return [
    ...headLines(metadata),
    '',
    `Type:\t${type ?? 'Opaque'}`,
    '',
    'Data',
    '====',
    ...sorted(data).map(([key, value]) => {
      const bytes = Buffer.from(value, 'base64');
      const isToken = key === 'token' && type === tokenType;
      return `${key}:\t${isToken ? bytes.toString() : `${bytes.length} bytes`}`;
    }),
  ];
}

/** `known`: the secrets that there are in the account's namespace. */
export function serviceAccountLines(
  { metadata, imagePullSecrets = [], secrets = [] }: ServiceAccount,
  known: readonly Secret[],
): Lines {
  const found = new Set(known.map((secret) => secret.metadata.name));
  const names = (list: readonly { name?: string }[]): string[] =>
    list.map(({ name = '' }) => (found.has(name) ? name : `${name} (not found)`));
  const tokens = known.filter(
    ({ type, metadata: { annotations } }) =>
      type === tokenType &&
      annotations?.[serviceAccountNameAnnotation] === metadata.name &&
      annotations?.['kubernetes.io/service-account.uid'] === metadata.uid,
  );
  return [
    ...headLines(metadata),
    ...listed('Image pull secrets', names(imagePullSecrets)),
    ...listed('Mountable secrets', names(secrets)),
    ...listed(
      'Tokens',
      tokens.map((token) => token.metadata.name ?? ''),
    ),
  ];
}

const tokenType = 'kubernetes.io/service-account-token';

export function priorityClassLines({ metadata, value, globalDefault, ...rest }: PriorityClass): Lines {
  return [
    `Name:\t${metadata.name}`,
    `Value:\t${value}`,
    `GlobalDefault:\t${globalDefault ?? false}`,
    `PreemptionPolicy:\t${rest.preemptionPolicy ?? ''}`,
    `Description:\t${rest.description ?? ''}`,
    ...`Annotations:\t${pairs(metadata.annotations)}`.split('\n'),
  ];
}

export function ingressClassLines({ metadata, spec = {} }: IngressClass): Lines {
  const { controller = '', parameters } = spec;
  return [
    `Name:\t${metadata.name}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Controller:\t${controller}`,
    ...(parameters
      ? [
          'Parameters:',
          ...(parameters.apiGroup ? [`  APIGroup:\t${parameters.apiGroup}`] : []),
          `  Kind:\t${parameters.kind}`,
          `  Name:\t${parameters.name}`,
        ]
      : []),
  ];
}

/** Any other kind: its fields, with titles made of their names. */
export function genericLines({ apiVersion, kind, metadata, ...rest }: AnyObject): Lines {
  const { name, namespace, labels, annotations, managedFields, ...more } = metadata;
  void managedFields;
  return [
    `Name:\t${name}`,
    `Namespace:\t${namespace ?? ''}`,
    ...labelLines('Labels', labels),
    ...annotationLines('Annotations', annotations),
    ...valueLines({ apiVersion, kind, metadata: more, ...rest }),
  ];
}

function valueLines(value: unknown): Lines {
  if (!isJsonObject(value)) return [];
  return sorted(value).flatMap(([key, inner]) => {
    const title = titleOf(key);
    if (isJsonObject(inner)) return [`${title}:`, ...indent(valueLines(inner), 2)];
    if (!Array.isArray(inner)) return [`${title}:\t${String(inner)}`];
    const items = inner.flatMap((item) => (isJsonObject(item) ? valueLines(item) : [String(item)]));
    return [`${title}:`, ...indent(items, 2)];
  });
}

/** `clusterIP` → `Cluster IP`, `apiGroups` → `API Groups`; a name with more than letters and dashes stays as it is. */
function titleOf(key: string): string {
  if (!/^[\p{L}-]+$/u.test(key)) return key;
  const words = key.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|-+/g) ?? [key];
  return words.map((word) => (acronyms.has(word.toUpperCase()) ? word.toUpperCase() : capitalized(word))).join(' ');
}

const acronyms = new Set(['API', 'URL', 'UID', 'OSB', 'GUID']);

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function headLines(metadata: AnyObject['metadata']): Lines {
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
  ];
}
