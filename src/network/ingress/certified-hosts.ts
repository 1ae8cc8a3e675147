import type { Ingress } from '../../api/types/networking-v1.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { Certificate } from './model.ts';
import { parseIngress } from './parse.ts';
import type { Complain } from './problem.ts';
import { certificateOf } from './tls.ts';

/** The certificate for connections that ask for no host that has one. */
const defaultCertificate = 'default';

/** Which certificate serves which host: that of the first ingress that names one. */
export class CertifiedHosts {
  readonly #objects: ClusterObjects;
  readonly #complain: Complain;
  readonly #certificates = new Map<string, { pem: string; hosts: string[] }>();
  readonly #owners = new Map<string, string>();
  readonly #authorities = new Map<string, string>();

  constructor(objects: ClusterObjects, complain: Complain) {
    this.#objects = objects;
    this.#complain = complain;
  }

  add(ingress: Ingress): void {
    const { tls, annotations } = parseIngress(ingress);
    for (const { hosts, secretName } of tls) {
      if (secretName === '') continue;
      const key = `${ingress.metadata.namespace}/${secretName}`;
      const secret = this.#objects.secret(key);
      const read = secret ? certificateOf(secret) : { problem: 'there is no such secret' };
      // One that is being issued is not a problem.
      if ('problem' in read && !(annotations.issuesCertificates && !secret)) {
        this.#complain(ingress, 'InvalidCertificate', `secret ${secretName} is not used for TLS: ${read.problem}`);
      }
      if ('pem' in read) this.#certify(ingress, { key, pem: read.pem, hosts });
    }
  }

  #certify(ingress: Ingress, { key, pem, hosts }: { key: string; pem: string; hosts: readonly string[] }): void {
    const name = key.replace('/', '_');
    const certificate = this.#certificates.get(name) ?? { pem, hosts: [] };
    for (const host of hosts) {
      const owner = this.#owners.get(host);
      if (owner === undefined) {
        certificate.hosts.push(host);
        this.#owners.set(host, key);
      } else if (owner !== key) {
        this.#complain(ingress, 'Conflict', `host ${host} already has the certificate of secret ${owner}`);
      }
    }
    if (certificate.hosts.length > 0) this.#certificates.set(name, certificate);
  }

  /**
   * Clients of the host are asked for certificates of this authority. False when they are asked for those of another
   * one already: which one holds is the connection's, and not the path's.
   */
  verify(host: string, authority: string): boolean {
    const known = this.#authorities.get(host) ?? authority;
    this.#authorities.set(host, known);
    return known === authority;
  }

  finish(fallbackPem: string): Map<string, Certificate> {
    const all: [string, { pem: string; hosts: readonly string[] }][] = [
      [defaultCertificate, { pem: fallbackPem, hosts: [] }],
      ...this.#certificates,
    ];
    const named = [...this.#authorities].map(([host, authority]) => [this.#nameOf(host), host, authority] as const);
    return new Map(
      all.map(([name, { pem, hosts }]) => {
        const verified = named.flatMap(([owner, ...each]) => (owner === name ? [each] : []));
        const plain = hosts.filter((host) => !this.#authorities.has(host));
        return [name, verified.length === 0 ? { pem, hosts } : { pem, hosts: plain, verified }];
      }),
    );
  }

  /** The certificate that a host has: its own, that of its wildcard, or the one for everybody. */
  #nameOf(host: string): string {
    const owner = this.#owners.get(host) ?? this.#owners.get(host.replace(/^[^.]+/, '*'));
    return owner?.replace('/', '_') ?? defaultCertificate;
  }
}
