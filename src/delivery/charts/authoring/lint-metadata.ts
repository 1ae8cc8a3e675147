import { parseDocument } from 'yaml';
import { type ChartFile, type ChartMetadata, textOf } from '../chart/chart.ts';
import { isVersion, metadataShape } from '../chart/metadata.ts';
import { decodeStruct, unknownField } from '../functions/go-struct.ts';
import { compareVersions, parseVersion } from '../functions/semver.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { quote } from '../template/quote.ts';
import { isMap } from '../template/values.ts';
import { Findings, type LintMessage } from './lint-message.ts';

const path = 'Chart.yaml';

/** What Helm's linter says of `Chart.yaml` (pkg/chart/v2/lint/rules/chartfile.go), in its order. */
export function metadataMessages(file: ChartFile): LintMessage[] {
  const findings = new Findings();
  let fields: unknown;
  let metadata: Partial<ChartMetadata>;
  try {
    fields = readYaml(textOf(file));
    metadata = decodeStruct(fields, metadataShape);
  } catch (error) {
    findings.say('ERROR', path, `unable to parse YAML\n\t${(error as Error).message}`);
    return findings.messages;
  }
  const error = (text: string | undefined): void => findings.say('ERROR', path, text);
  findings.say('WARNING', path, strictProblem(textOf(file), fields));
  error(nameProblem(metadata.name ?? ''));
  error(apiVersionProblem(metadata.apiVersion ?? ''));
  error(typeProblem(fields, 'version'));
  error(versionProblem(metadata.version ?? ''));
  error(typeProblem(fields, 'appVersion'));
  error(maintainerProblem(metadata));
  const source = metadata.sources?.find((text) => !isRequestUrl(text));
  error(source === undefined ? undefined : `invalid source URL '${source}'`);
  const { icon = '' } = metadata;
  findings.say('INFO', path, icon === '' ? 'icon is recommended' : undefined);
  error(icon === '' || isRequestUrl(icon) ? undefined : `invalid icon URL '${icon}'`);
  error(onlyInV2(metadata, 'chart type is not valid in apiVersion', 'It is valid', !!metadata.type));
  const depends = (metadata.dependencies ?? []).length > 0;
  error(onlyInV2(metadata, 'dependencies are not valid in the Chart file with apiVersion', 'They are valid', depends));
  const { version = '' } = metadata;
  findings.say('WARNING', path, isStrictVersion(version) ? undefined : `version '${version}' is not a valid SemVerV2`);
  return findings.messages;
}

/** Keys that are given twice, or that nobody knows. */
function strictProblem(text: string, fields: unknown): string | undefined {
  const start = 'failed to strictly parse chart metadata file\n\t';
  const twice = parseDocument(text, { prettyErrors: false })
    .errors.filter(({ code }) => code === 'DUPLICATE_KEY')
    .map(({ pos: [at] }) => {
      const key = /^["']?([^:"'\n]*)/.exec(text.slice(at))?.[1] ?? '';
      return `\n  line ${text.slice(0, at).split('\n').length}: key ${quote(key)} already set in map`;
    });
  if (twice.length > 0) return `${start}error converting YAML to JSON: yaml: unmarshal errors:${twice.join('')}`;
  const unknown = unknownField(fields, metadataShape);
  if (unknown === undefined) return undefined;
  return `${start}error unmarshaling JSON: while decoding JSON: json: unknown field ${quote(unknown)}`;
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'name is required';
  return name.includes('/') ? `chart name ${quote(name)} is invalid` : undefined;
}

function apiVersionProblem(apiVersion: string): string | undefined {
  const wanted = 'The value must be either "v1" or "v2"';
  if (apiVersion === '') return `apiVersion is required. ${wanted}`;
  return apiVersion === 'v1' || apiVersion === 'v2' ? undefined : `apiVersion '${apiVersion}' is not valid. ${wanted}`;
}

/** Numbers are taken for text, and are often not what was meant: 1.10 is "1.1". */
function typeProblem(fields: unknown, key: string): string | undefined {
  const value = isMap(fields) ? fields[key] : undefined;
  if (value === undefined || typeof value === 'string') return undefined;
  const type = value === null ? '<nil>' : typeof value === 'number' ? 'float64' : 'bool';
  return `${key} should be of type string but it's of type ${type}`;
}

function versionProblem(version: string): string | undefined {
  if (version === '') return 'version is required';
  if (!isVersion(version)) return `version '${version}' is not a valid SemVer`;
  const least = '0.0.0-0';
  const isMore = compareVersions(parseVersion(version), parseVersion(least)) > 0;
  return isMore ? undefined : `version ${version} is less than or equal to ${least}`;
}

function isStrictVersion(version: string): boolean {
  return /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:[-+]|$)/.test(version) && isVersion(version);
}

function maintainerProblem({ maintainers = [] }: Partial<ChartMetadata>): string | undefined {
  for (const given of maintainers as (NonNullable<ChartMetadata['maintainers']>[number] | null)[]) {
    if (given === null) return 'a maintainer entry is empty';
    const { name, email, url } = given;
    if (!name) return 'each maintainer requires a name';
    if (email && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)) return `invalid email '${email}' for maintainer '${name}'`;
    if (url && !isUrl(url)) return `invalid url '${url}' for maintainer '${name}'`;
  }
  return undefined;
}

/** What could be typed into a browser: a scheme may be missing. */
function isUrl(text: string): boolean {
  return /^(?:(?:ftp|tcp|udp|wss?|https?):\/\/)?(?:[^\s/@]*@)?(?:[^\s/:]+\.[^\s/:]+|localhost)(?::\d+)?(?:[/?#]\S*)?$/.test(
    text,
  );
}

function isRequestUrl(text: string): boolean {
  return /^[A-Za-z][A-Za-z\d+.-]*:[^\s\p{Cc}]*$/u.test(text);
}

function onlyInV2(metadata: Partial<ChartMetadata>, what: string, valid: string, isThere: boolean): string | undefined {
  const { apiVersion } = metadata;
  return isThere && apiVersion !== 'v2' ? `${what} '${apiVersion ?? ''}'. ${valid} in apiVersion 'v2'` : undefined;
}
