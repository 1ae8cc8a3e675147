import type { Secret } from '../../api/types/core-v1.ts';
import type { Ingress } from '../../api/types/networking-v1.ts';
import { isApiError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { secrets } from '../../client/resources.ts';
import { parseIngress } from './parse.ts';

/** The cluster's own authority for certificates of ingresses. */
export interface CertificateIssuer {
  /** PEM of a new certificate for the hosts, its key, and the authority's certificate. */
  issue(hosts: readonly string[]): { certificate: string; key: string; authority: string };
  /** Whether a certificate is the authority's, for these hosts, and has at least 30 days left. */
  isCurrent(pair: { certificate: string; key: string }, hosts: readonly string[]): boolean;
}

const issuedLabel = 'timonel.dev/issued-for';

/**
 * Makes the secrets that an ingress asks for (annotation `timonel.dev/tls: auto`), and issues again what runs out or
 * lacks a host. Secrets that somebody else has made stay as they are.
 */
export async function issueCertificates(options: {
  ingress: Ingress;
  client: Client;
  issuer: CertificateIssuer;
  secretOf: (key: string) => Secret | undefined;
}): Promise<void> {
  const { ingress, client, issuer, secretOf } = options;
  const { namespace = '' } = ingress.metadata;
  const { annotations, tls } = parseIngress(ingress);
  if (!annotations.issuesCertificates) return;
  for (const { hosts, secretName } of tls) {
    if (hosts.length === 0) continue;
    const found = secretOf(`${namespace}/${secretName}`);
    if (found && (found.metadata.labels?.[issuedLabel] === undefined || issuer.isCurrent(pairOf(found), hosts)))
      continue;
    const made = issuer.issue(hosts);
    const data = { 'tls.crt': base64(made.certificate), 'tls.key': base64(made.key), 'ca.crt': base64(made.authority) };
    try {
      if (found) await client.update(secrets, { ...found, data });
      else await client.create(secrets, newSecret(ingress, secretName, data));
    } catch (error) {
      // The event of what is there by now calls us again.
      if (!isApiError(error, 'AlreadyExists', 'Conflict', 'NotFound')) throw error;
    }
  }
}

function newSecret({ metadata }: Ingress, name: string, data: Record<string, string>): Secret {
  const owner = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...{ name, namespace: metadata.namespace },
      labels: { [issuedLabel]: labelOf(metadata.name ?? '') },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: false }],
    },
    type: 'kubernetes.io/tls',
    data,
  };
}

/** Names may be longer than labels. */
function labelOf(name: string): string {
  return name.slice(0, 63).replace(/[^a-z0-9]+$/, '');
}

function pairOf({ data }: Secret): { certificate: string; key: string } {
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString();
  return { certificate: text('tls.crt'), key: text('tls.key') };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
