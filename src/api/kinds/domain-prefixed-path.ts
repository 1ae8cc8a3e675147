import { invalidValue, required } from '../field-errors.ts';
import { dnsSubdomain, regexProblem } from '../names.ts';
import type { StatusCause } from '../types/meta-v1.ts';

const pathPattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

/** `example.com/name`, as controllers are named (apimachinery's IsDomainPrefixedPath); each part is judged by itself. */
export function validateDomainPrefixedPath(value: string, path: string): StatusCause[] {
  if (value === '') return [required(path, '')];
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    return [invalidValue(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const [host, rest] = [value.slice(0, slash), value.slice(slash + 1)];
  return [
    ...dnsSubdomain(host).map((text) => invalidValue(path, host, text)),
    ...(new RegExp(`^${pathPattern}$`).test(rest)
      ? []
      : [invalidValue(path, rest, regexProblem('Invalid path', pathPattern, []))]),
  ];
}
