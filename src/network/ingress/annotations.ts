import type { Ingress } from '../../api/types/networking-v1.ts';
import type { Complaint } from './problem.ts';
import { type BackendSettings, plainSettings } from './settings.ts';

/** What the annotations of an ingress come to. */
export interface Annotations {
  /** Of all its backends. {@link plainSettings} itself when nothing asks for anything else. */
  settings: BackendSettings;
  /** More names for the hosts of its rules. */
  aliases: readonly string[];
  /** Paths that are not exact are regular expressions. */
  usesExpressions: boolean;
  /** Certificates come from the cluster's own CA for ingresses. */
  issuesCertificates: boolean;
  /** Whether requests in clear are sent to TLS: where there is TLS, or always, or never. */
  redirectsToTls: 'with-tls' | 'always' | 'never';
  /** It wants its visitors restricted in a way that is not known here: serving it would be serving it to everybody. */
  isClosed: boolean;
}

const prefix = 'nginx.ingress.kubernetes.io/';
/** What keeps people out: an ingress with one of these is not served at all while it has no effect here. */
const restrictions =
  /^(auth-|whitelist-source-range$|allowlist-source-range$|denylist-source-range$|satisfy$|enable-modsecurity$)/;
const issuerAnnotations = ['cert-manager.io/cluster-issuer', 'cert-manager.io/issuer'];
const ownIssuer = 'timonel-ca';

export function readAnnotations({ metadata }: Ingress, complaints: Complaint[]): Annotations {
  const annotations = metadata.annotations ?? {};
  const unknown = Object.keys(annotations).filter((name) => name.startsWith(prefix));
  if (unknown.length > 0) {
    complaints.push({ reason: 'UnknownAnnotation', message: `annotations without effect here: ${unknown.join(', ')}` });
  }
  const restricting = unknown.filter((name) => restrictions.test(name.slice(prefix.length)));
  if (restricting.length > 0) {
    const message = `not served: it asks for a restriction that is not known here (${restricting.join(', ')})`;
    complaints.push({ reason: 'UnknownRestriction', message });
  }
  return {
    isClosed: restricting.length > 0,
    settings: plainSettings,
    aliases: [],
    usesExpressions: false,
    issuesCertificates:
      annotations['timonel.dev/tls'] === 'auto' || issuerAnnotations.some((name) => annotations[name] === ownIssuer),
    redirectsToTls: 'with-tls',
  };
}
