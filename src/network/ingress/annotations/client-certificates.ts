import { isExpression } from '../expression.ts';
import type { ClientCertificates } from '../settings.ts';
import type { AnnotationValues } from './values.ts';

/** What clients have to show, and the secret with the authorities (`ca.crt`) that it must be from. */
export interface WantedClientCertificates extends Omit<ClientCertificates, 'authority'> {
  secretName: string;
}

/** Undefined where nobody is asked for a certificate. The secret is one of the ingress's own namespace. */
export function readClientCertificates(
  values: AnnotationValues,
  namespace: string,
): WantedClientCertificates | undefined {
  const written = values.word('auth-tls-secret', /[a-z0-9.-]+\/[a-z0-9.-]+/, 'NAMESPACE/secret');
  const verify = values.choice('auth-tls-verify-client', ['on', 'off', 'optional', 'optional_no_ca']);
  const errorPage = values.word('auth-tls-error-page', /[!-~]{1,2000}/, 'an address');
  const subject = values.text('auth-tls-match-cn');
  const passes = values.flag('auth-tls-pass-certificate-to-upstream');
  if (subject !== undefined && !(subject.startsWith('CN=') && isExpression(subject))) {
    values.wrong('auth-tls-match-cn', 'is not CN= and a regular expression that the proxy knows');
  }
  if (written === undefined) {
    if (verify !== undefined && verify !== 'off') values.wrong('auth-tls-verify-client', 'needs auth-tls-secret');
    return undefined;
  }
  const [first, secretName = ''] = written.split('/');
  if (first !== namespace) return values.wrong('auth-tls-secret', 'is of another namespace');
  const target = errorPage === undefined ? undefined : values.template('auth-tls-error-page', { groups: false });
  if (verify === 'off') return undefined;
  return {
    ...{ secretName, verify: verify ?? 'on' },
    ...(target && { errorPage: target }),
    ...(subject !== undefined && { subject }),
    ...(passes && { passes: true as const }),
  };
}
