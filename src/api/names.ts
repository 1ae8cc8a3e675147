import { isIP } from 'node:net';
import { numberOfIp, parseIpBlock } from '../base/ip-address.ts';

/**
 * The rules for names, as apimachinery's validation package has them. Each check takes a value and returns what is
 * wrong with it, in upstream's words; an empty list means fine.
 */
export type NameCheck = (value: string) => string[];

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const underscored = '[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*';
const wildcard = `\\*\\.${subdomain}`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const key = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const configKey = '[-._a-zA-Z0-9]+';

const labelPattern = whole(label);
const subdomainPattern = whole(subdomain);
const underscoredPattern = whole(underscored);
const wildcardPattern = whole(wildcard);
const label1035Pattern = whole(label1035);
const keyPattern = whole(key);
const labelValuePattern = whole(`(${key})?`);
const configKeyPattern = whole(configKey);

const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " +
  'and must start and end with an alphanumeric character';
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
  'and must start and end with an alphanumeric character';
const underscoredRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', " +
  'and must start and end with an alphanumeric character or an underscore';
const wildcardRule =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of " +
  "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const label1035Rule =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', " +
  'start with an alphabetic character, and end with an alphanumeric character';
const keyRule =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const labelValueRule = `a valid label must be an empty string or consist of ${keyRule.slice('must consist of '.length)}`;
const envVarRule = "a valid environment variable name must consist only of printable ASCII characters other than '='";

/** RFC 1123 label: names of namespaces, containers, volumes. */
export function dnsLabel(value: string): string[] {
  const problems = value.length > 63 ? [maxCharacters(63)] : [];
  if (labelPattern.test(value)) return problems;
  if (subdomainPattern.test(value)) return [...problems, 'must not contain dots'];
  return [...problems, regexProblem(labelRule, label, ['my-name', '123-abc'])];
}

/** RFC 1123 subdomain: most objects' names. */
export function dnsSubdomain(value: string): string[] {
  const problems = value.length > 253 ? [maxCharacters(253)] : [];
  if (subdomainPattern.test(value)) return problems;
  return [...problems, regexProblem(subdomainRule, subdomain, ['example.com'])];
}

/** `*.` and a subdomain: hosts of ingresses (RFC 1034, 4.3.3). */
export function wildcardSubdomain(value: string): string[] {
  const problems = value.length > 253 ? [maxCharacters(253)] : [];
  if (wildcardPattern.test(value)) return problems;
  return [...problems, regexProblem(wildcardRule, wildcard, ['*.example.com'])];
}

/** A subdomain whose labels may have underscores anywhere: search domains of resolvers. */
export function dnsSubdomainWithUnderscores(value: string): string[] {
  const problems = value.length > 253 ? [maxCharacters(253)] : [];
  if (underscoredPattern.test(value)) return problems;
  return [...problems, regexProblem(underscoredRule, underscored, ['example.com'])];
}

/** RFC 1035 label: names of services. */
export function dns1035Label(value: string): string[] {
  const problems = value.length > 63 ? [maxCharacters(63)] : [];
  if (label1035Pattern.test(value)) return problems;
  return [...problems, regexProblem(label1035Rule, label1035, ['my-name', 'abc-123'])];
}

/** `name` or `prefix.example/name`: keys of labels and annotations, finalizers, resource names. */
export function qualifiedName(value: string): string[] {
  const parts = value.split('/');
  const examples = ['MyName', 'my.name', '123-abc'];
  if (parts.length > 2) {
    const rule = regexProblem(keyRule, key, examples);
    return [`a valid label key ${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts.at(-1) ?? '';
  const problems: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') problems.push('prefix part must be non-empty');
    else problems.push(...dnsSubdomain(prefix).map((problem) => `prefix part ${problem}`));
  }
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push(`name part ${maxBytes(63)}`);
  if (!keyPattern.test(name)) problems.push(`name part ${regexProblem(keyRule, key, examples)}`);
  return problems;
}

export function labelValue(value: string): string[] {
  const problems = value.length > 63 ? [maxBytes(63)] : [];
  if (labelValuePattern.test(value)) return problems;
  return [...problems, regexProblem(labelValueRule, `(${key})?`, ['MyValue', 'my_value', '12345'])];
}

/** Since KEP-4369: anything printable but `=`. */
export function envVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  return /^[ -<>-~]+$/.test(value) ? [] : [envVarRule];
}

/** Keys of config maps and secrets. */
export function configMapKey(value: string): string[] {
  const problems = value.length > 253 ? [maxCharacters(253)] : [];
  if (!configKeyPattern.test(value)) {
    const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    problems.push(regexProblem(rule, configKey, ['key.name', 'KEY_NAME', 'key-name']));
  }
  return [...problems, ...parentDirectory(value)];
}

/** Names of ports (IANA service names, RFC 6335, in lower case). */
export function portName(value: string): string[] {
  const problems: string[] = [];
  if (value.length > 15) problems.push(maxCharacters(15));
  if (!/^[-a-z0-9]+$/.test(value)) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) problems.push('must contain at least one letter (a-z)');
  if (value.includes('--')) problems.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen');
  return problems;
}

export function ip(value: string): string[] {
  if (isIP(value) !== 0 && !value.includes('%')) return [];
  return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
}

export function cidr(value: string): string[] {
  const match = /^([^/%]+)\/(0|[1-9]\d{0,2})$/.exec(value);
  const family = match ? isIP(match[1] as string) : 0;
  if (match && family !== 0 && Number(match[2]) <= (family === 4 ? 32 : 128)) return [];
  return ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'];
}

/** An address in a field of a built-in kind: with nothing that programs read in different ways (KEP-4858). */
export function fieldIp(value: string): string[] {
  const plain = withoutLeadingZeros(value);
  const problems = ip(plain);
  if (problems.length > 0) return problems;
  if (plain !== value) return ['must not have leading 0s'];
  return isMapped(value) ? ['must not be an IPv4-mapped IPv6 address'] : [];
}

/** The same for a range, which is one, and no address in a network. */
export function fieldCidr(value: string): string[] {
  const [address = '', prefix = '', ...rest] = value.split('/');
  const plain = [withoutLeadingZeros(address), prefix.replace(/^0+(?=\d)/, ''), ...rest].join('/');
  const problems = cidr(plain);
  if (problems.length > 0) return problems;
  if (plain !== value) return ['must not have leading 0s in IP or prefix length'];
  if (isMapped(address)) return ['must not have an IPv4-mapped IPv6 address'];
  const isRange = parseIpBlock(value)?.first === numberOfIp(address);
  return isRange ? [] : ['must not have bits set beyond the prefix length'];
}

function withoutLeadingZeros(address: string): string {
  return /^\d+(\.\d+){3}$/.test(address) ? address.replaceAll(/(?<=^|\.)0+(?=\d)/g, '') : address;
}

/** RFC 4291, 2.5.5.2. */
function isMapped(address: string): boolean {
  return isIP(address) === 6 && numberOfIp(address) >> 32n === 0xffffn;
}

/** A name that may stand in a URL path: RBAC's and other kinds with free names. */
export function pathSegmentName(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

function whole(pattern: string): RegExp {
  return new RegExp(`^${pattern}$`);
}

export function regexProblem(rule: string, pattern: string, examples: readonly string[]): string {
  if (examples.length === 0) return `${rule} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${rule} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

function maxCharacters(limit: number): string {
  return `must be no more than ${limit} characters`;
}

function maxBytes(limit: number): string {
  return `must be no more than ${limit} bytes`;
}

function parentDirectory(value: string): string[] {
  if (value === '.' || value === '..') return [`must not be '${value}'`];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}
