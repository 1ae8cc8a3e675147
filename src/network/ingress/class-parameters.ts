import type { ConfigMap } from '../../api/types/core-v1.ts';
import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts';
import { protects } from './annotations.ts';
import {
  classOptions,
  defaultAnnotations,
  globalAuthorization,
  harmlessParameters,
  parameterPrefix,
  refusalKey,
  refusedParameters,
} from './annotations/parameters.ts';
import { readEntrance } from './annotations/entrance.ts';
import { annotationPrefix } from './annotations/table.ts';
import { AnnotationValues } from './annotations/values.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { EntranceSettings } from './entrance.ts';
import type { ClassDefault } from './model.ts';
import type { Complaint } from './problem.ts';

/** What a class says for all its ingresses. */
export interface ClassParameters {
  /** Values of parameters that are understood, by name. */
  values: Readonly<Record<string, string>>;
  /** Its ingresses are not served, and this is why. */
  refusal?: string;
  /** Gets what no rule matches. */
  classDefault?: ClassDefault;
  /** `namespace/name` of the secret with the certificate for hosts that have none of their own. */
  defaultCertificate?: string;
  /** For all ingresses, of whatever class. */
  entrance: Partial<EntranceSettings>;
  /** For the owner of the class. */
  complaints: readonly Complaint[];
}

const read = new WeakMap<ConfigMap, ClassParameters>();

/**
 * The parameters of a class: a config map of a namespace. One that is not there, and any other kind, might have kept
 * people out, and keeps everybody out. Undefined: the class has none.
 */
export function classParameters(
  { spec }: IngressClass,
  configMap: ClusterObjects['configMap'],
): ClassParameters | undefined {
  if (!spec?.parameters) return undefined;
  const { apiGroup = '', kind, name, namespace = '' } = spec.parameters;
  if (kind !== 'ConfigMap' || apiGroup !== '' || namespace === '') {
    const refusal = `parameters of kind ${kind} are not understood here: they are a ConfigMap of a namespace`;
    return { values: {}, entrance: {}, refusal, complaints: [{ reason: 'InvalidParameters', message: refusal }] };
  }
  const found = configMap(`${namespace}/${name}`);
  if (!found) {
    const refusal = `there is no config map ${namespace}/${name} with the parameters of the class`;
    return { values: {}, entrance: {}, refusal, complaints: [{ reason: 'InvalidParameters', message: refusal }] };
  }
  const parameters = read.get(found) ?? readParameters(found.data ?? {});
  read.set(found, parameters);
  return parameters;
}

const isKnown = (name: string): boolean =>
  [...defaultAnnotations, ...Object.keys(globalAuthorization), ...Object.keys(classOptions)].includes(name);

function readParameters(data: Readonly<Record<string, string>>): ClassParameters {
  const complaints: Complaint[] = [];
  const values: Record<string, string> = {};
  let refusal: string | undefined;
  for (const [name, text] of Object.entries(data)) {
    const value = text.trim();
    if (value === '') continue;
    if (isKnown(name)) {
      values[name] = value;
      continue;
    }
    const why = Object.hasOwn(refusedParameters, name) ? ` (${refusedParameters[name]})` : '';
    const isProtecting = why !== '' || (protects(name) && !harmlessParameters.has(name));
    if (isProtecting && !/^(?:false|off)$/.test(value)) refusal = `parameter ${name} is not understood here${why}`;
    else if (!isProtecting)
      complaints.push({ reason: 'UnknownParameter', message: `parameter ${name} has no effect here` });
  }
  const said = Object.fromEntries(Object.entries(values).map(([name, value]) => [parameterPrefix + name, value]));
  const wrong: Complaint[] = [];
  const reader = new AnnotationValues(said, wrong);
  const entrance = readEntrance(reader);
  complaints.push(...wrong.map(({ message }) => ({ reason: 'InvalidParameters', message })));
  if (reader.isRefused) refusal ??= wrong.at(-1)?.message;
  else if (refusal !== undefined) complaints.push({ reason: 'InvalidParameters', message: refusal });
  const classDefault = readDefault(values['default-backend-service'], complaints);
  const defaultCertificate = readSecretName(values['default-ssl-certificate'], complaints);
  return {
    ...{ values, entrance, complaints },
    ...(refusal !== undefined && { refusal }),
    ...(classDefault && { classDefault }),
    ...(defaultCertificate !== undefined && { defaultCertificate }),
  };
}

function readSecretName(text: string | undefined, complaints: Complaint[]): string | undefined {
  if (text === undefined || /^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/.test(text)) return text;
  const message = `parameter default-ssl-certificate is not NAMESPACE/SECRET: ${JSON.stringify(text)}`;
  complaints.push({ reason: 'InvalidParameters', message });
  return undefined;
}

function readDefault(text: string | undefined, complaints: Complaint[]): ClassDefault | undefined {
  if (text === undefined) return undefined;
  const [, namespace, name, port] = /^([a-z0-9-]{1,63})\/([a-z0-9-]{1,63}):([a-z0-9-]{1,15})$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined || port === undefined) {
    const message = `parameter default-backend-service is not NAMESPACE/SERVICE:PORT: ${JSON.stringify(text)}`;
    complaints.push({ reason: 'InvalidParameters', message });
    return undefined;
  }
  return { namespace, service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
}

const merged = new WeakMap<Ingress, { parameters: ClassParameters; ingress: Ingress }>();

/** The ingress with what its class says among its annotations; the very ingress where that is nothing. */
export function withParameters(ingress: Ingress, parameters: ClassParameters | undefined): Ingress {
  if (!parameters) return ingress;
  const known = merged.get(ingress);
  if (known?.parameters === parameters) return known.ingress;
  const { metadata } = ingress;
  const annotations = { ...metadata.annotations, ...asAnnotations(parameters, metadata.annotations ?? {}) };
  const whole: Ingress = { ...ingress, metadata: { ...metadata, annotations } };
  merged.set(ingress, { parameters, ingress: whole });
  return whole;
}

/** Annotations that mean the same by an older name: either of an ingress is in place of both of the class. */
const synonyms: Readonly<Record<string, string>> = {
  'whitelist-source-range': 'allowlist-source-range',
  'allowlist-source-range': 'whitelist-source-range',
  'limit-whitelist': 'limit-allowlist',
  'limit-allowlist': 'limit-whitelist',
};

function asAnnotations(
  { values, refusal }: ClassParameters,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const says = (name: string | undefined): boolean => (own[`${annotationPrefix}${name}`]?.trim() ?? '') !== '';
  const isAsked = /^(?:true|t|1)?$/i.test(own[`${annotationPrefix}enable-global-auth`]?.trim() ?? '');
  const all: Record<string, string> = refusal === undefined ? {} : { [refusalKey]: refusal };
  for (const [name, value] of Object.entries(values)) {
    const meant = Object.hasOwn(globalAuthorization, name)
      ? globalAuthorization[name as keyof typeof globalAuthorization]
      : undefined;
    const counts = meant === undefined ? !says(synonyms[name]) : isAsked && !says('auth-url');
    if (counts) all[parameterPrefix + (meant ?? name)] = value;
  }
  return all;
}
