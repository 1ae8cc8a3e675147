import type { Ingress } from '../../api/types/networking-v1.ts';
import { readAccess, readAuth, type WantedAuth } from './annotations/access.ts';
import { readAnswers } from './annotations/answers.ts';
import { readAuthorization, type WantedAuthorization } from './annotations/authorize.ts';
import { type CanaryRule, readCanary } from './annotations/canary.ts';
import { readClassOptions } from './annotations/class-options.ts';
import { readClientCertificates, type WantedClientCertificates } from './annotations/client-certificates.ts';
import { readFastCgi, type WantedFastCgi } from './annotations/fastcgi.ts';
import { readMirror, type WantedMirror } from './annotations/mirror.ts';
import { refusalKey } from './annotations/parameters.ts';
import { readRouting, type Routing } from './annotations/routing.ts';
import {
  annotationPrefix,
  annotationsWithoutEffect,
  refusedAnnotations,
  servedAnnotations,
} from './annotations/table.ts';
import { readUpstream, wantedEndpointSecret } from './annotations/upstream.ts';
import { AnnotationValues } from './annotations/values.ts';
import type { Complaint } from './problem.ts';
import { type BackendSettings, plainSettings } from './settings.ts';

/** What the annotations of an ingress come to. */
export interface Annotations extends Routing {
  /** Of all its backends. {@link plainSettings} itself when nothing asks for anything else. */
  settings: BackendSettings;
  /** Balance and protocol are the ingress's own; else they are as the service says. */
  chooses: { balance: boolean; protocol: boolean };
  /** Certificates come from the cluster's own CA for ingresses. */
  issuesCertificates: boolean;
  canary?: CanaryRule;
  auth?: WantedAuth;
  authorization?: WantedAuthorization;
  clients?: WantedClientCertificates;
  mirror?: WantedMirror;
  fastCgi?: WantedFastCgi;
  /** Config maps, `namespace/name`, with headers that the class of the ingress has for answers and for requests. */
  classHeaders: { answers?: string; requests?: string };
  /** For TLS to the endpoints. */
  endpointSecret?: { name: string; verifies: boolean };
  /**
   * It wants protection in a way that is not known here: serving it would be serving it to everybody. Its paths are
   * answered with 503.
   */
  isRefused: boolean;
}

const issuerAnnotations = ['cert-manager.io/cluster-issuer', 'cert-manager.io/issuer'];
const ownIssuer = 'timonel-ca';
const soundsProtecting = /auth|limit|whitelist|allowlist|denylist|blacklist|block|modsecurity|waf|snippet|verify/;

/** Whether something that nobody has heard of sounds as if it kept people out. */
export function protects(name: string): boolean {
  return soundsProtecting.test(name);
}

export function readAnnotations({ metadata }: Ingress, complaints: Complaint[]): Annotations {
  const annotations = metadata.annotations ?? {};
  const values = new AnnotationValues(annotations, complaints);
  const hasRefused = complainOfUnserved(annotations, complaints);
  const refusal = annotations[refusalKey];
  if (refusal !== undefined) complaints.push({ reason: 'Refused', message: `not served: ${refusal}` });
  const { settings: classSettings, answerHeadersOf, requestHeadersOf } = readClassOptions(values);
  const { balance, protocol, ...upstream } = readUpstream(values);
  const routing = readRouting(values, metadata.namespace ?? '');
  const canary = readCanary(values);
  const auth = readAuth(values);
  const authorization = readAuthorization(values);
  const clients = readClientCertificates(values, metadata.namespace ?? '');
  const answers = readAnswers(values);
  const mirror = readMirror(values);
  const fastCgi = readFastCgi(values, metadata.namespace ?? '');
  const { secretName, verifies } = wantedEndpointSecret(values, metadata.namespace ?? '');
  const settings: BackendSettings = {
    ...plainSettings,
    ...(balance && { balance }),
    ...(protocol && { protocol }),
    ...upstream,
    ...readAccess(values),
    ...routing.settings,
    ...(answers && { answers }),
    ...classSettings,
  };
  if (
    routing.passesTls &&
    (auth ?? authorization ?? clients ?? settings.rates ?? settings.connections ?? settings.bodyBytes) !== undefined
  ) {
    values.wrong('ssl-passthrough', 'cannot be together with passwords, limits and sizes: nothing is read');
  }
  return {
    ...routing,
    settings: isPlain(settings) ? plainSettings : settings,
    chooses: { balance: balance !== undefined, protocol: protocol !== undefined },
    issuesCertificates:
      annotations['timonel.dev/tls'] === 'auto' || issuerAnnotations.some((name) => annotations[name] === ownIssuer),
    ...(canary && { canary }),
    ...(auth && { auth }),
    ...(authorization && { authorization }),
    ...(clients && { clients }),
    ...(mirror && { mirror }),
    ...(protocol === 'fcgi' && { fastCgi }),
    classHeaders: {
      ...(answerHeadersOf !== undefined && { answers: answerHeadersOf }),
      ...(requestHeadersOf !== undefined && { requests: requestHeadersOf }),
    },
    ...(secretName !== undefined && { endpointSecret: { name: secretName, verifies } }),
    isRefused: hasRefused || refusal !== undefined || values.isRefused,
  };
}

export function isPlain(settings: BackendSettings): boolean {
  return JSON.stringify(settings) === JSON.stringify(plainSettings);
}

/** Says which annotations nothing comes of; true when one of them protects something. */
function complainOfUnserved(annotations: Readonly<Record<string, string>>, complaints: Complaint[]): boolean {
  const names = Object.keys(annotations)
    .filter((name) => name.startsWith(annotationPrefix))
    .map((name) => name.slice(annotationPrefix.length))
    .filter((name) => !Object.hasOwn(servedAnnotations, name));
  const isRefused = (name: string): boolean => {
    if (/^(?:false|off)?$/.test(annotations[annotationPrefix + name]?.trim() ?? '')) return false;
    if (Object.hasOwn(annotationsWithoutEffect, name)) return false;
    return Object.hasOwn(refusedAnnotations, name) || protects(name);
  };
  for (const name of names.filter(isRefused)) {
    const why = Object.hasOwn(refusedAnnotations, name) ? ` (${refusedAnnotations[name]})` : '';
    const message = `not served: annotation ${annotationPrefix}${name} is not understood here${why}`;
    complaints.push({ reason: 'Refused', message });
  }
  for (const name of names.filter((each) => !isRefused(each))) {
    const why = Object.hasOwn(annotationsWithoutEffect, name) ? `: ${annotationsWithoutEffect[name]}` : '';
    const message = `annotation ${annotationPrefix}${name} has no effect here${why}`;
    complaints.push({ reason: 'UnknownAnnotation', message });
  }
  return names.some(isRefused);
}
