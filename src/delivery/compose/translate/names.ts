import { createHash } from 'node:crypto';
import { managedByLabel } from '../../../api/well-known.ts';

/** Labels that docker compose's users filter by; on every object of a project. */
export const projectLabel = 'com.docker.compose.project';
export const serviceLabel = 'com.docker.compose.service';
/** `True` on what `compose run` started. */
export const oneOffLabel = 'com.docker.compose.oneoff';
/** Of a project's namespace: the files that it was read from, with commas. */
export const configFilesAnnotation = 'com.docker.compose.project.config_files';
/** Of a claim: which volume of the file it is. */
export const volumeLabel = 'com.docker.compose.volume';
/** Of a pod: what it was made from. */
export const configHashAnnotation = 'com.docker.compose.config-hash';
/** Of pods that answer to their service's names and on its ports: all but what `compose run` starts without being told to. */
const endpointLabel = 'endpoint.compose.timonel.dev/service';
/** Domain of the labels by which networks and aliases find their pods. */
export const networkLabelDomain = 'network.compose.timonel.dev';
export const aliasLabelDomain = 'alias.compose.timonel.dev';

/** Of the containers of a service's hooks (`pre_start`); their numbers, from 0, follow. */
export const preStartPrefix = 'pre-start-';

const maxLength = 63;

/** A name as a DNS label (RFC 1123): lower case, dashes for what cannot be in one; long ones end in a digest. */
export function objectName(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (name.length <= maxLength) return name;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${name.slice(0, maxLength - 9).replace(/-+$/, '')}-${digest}`;
}

/** Annotation of a Service: further names by which the cluster's DNS knows it (docs/networking.md). */
export const dnsNamesAnnotation = 'timonel.dev/dns-names';

/** A name that a Service may have (RFC 1035): it begins with a letter. */
export function serviceObjectName(text: string): string {
  const name = objectName(text);
  return /^[a-z]/.test(name) ? name : objectName(`s-${text}`);
}

/** A name for the Service of an alias that cannot be a Service's: no other alias has it. */
export function aliasObjectName(alias: string): string {
  const digest = createHash('sha256').update(alias).digest('hex').slice(0, 8);
  return serviceObjectName(`${alias.slice(0, maxLength - 11)}-${digest}`);
}

/** A name as the value of a label: at most 63 characters, a letter or digit at both ends. */
export function labelValueOf(text: string): string {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text) ? text : objectName(text);
}

export function projectLabels(project: string): Record<string, string> {
  return { [projectLabel]: labelValueOf(project), [managedByLabel]: 'timonel-compose' };
}

/** What selects a service's pods. */
export function serviceSelector(project: string, service: string): Record<string, string> {
  return { [projectLabel]: labelValueOf(project), [serviceLabel]: labelValueOf(service) };
}

/** What selects the pods that answer for a service. */
export function endpointSelector(project: string, service: string): Record<string, string> {
  return { ...serviceSelector(project, service), ...endpointLabels };
}

export const endpointLabels: Readonly<Record<string, string>> = { [endpointLabel]: 'true' };

export function serviceLabels(project: string, service: string): Record<string, string> {
  return {
    ...projectLabels(project),
    ...serviceSelector(project, service),
    'app.kubernetes.io/name': labelValueOf(service),
  };
}
