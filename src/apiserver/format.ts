import { ApiError } from '../api/status.ts';
import type { ApiRequest } from './handler.ts';
import { protobufType } from './read-body.ts';
import { isTrue } from './request-info.ts';

/** How a client wants its answer: media type, and the shape that objects are turned into first. */
export interface Format {
  media: 'json' | 'yaml' | 'protobuf';
  /** `undefined`: the object itself. */
  shape: Shape | undefined;
  isPretty: boolean;
  /** For the answer's header. */
  contentType: string;
}

export interface Shape {
  kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  version: 'v1' | 'v1beta1';
}

interface Choice {
  media: Format['media'];
  parameters: ReadonlyMap<string, string>;
}

const mediaTypes: Readonly<Record<string, Format['media']>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  [protobufType]: 'protobuf',
  '*/*': 'json',
  'application/*': 'json',
};

const shapes: readonly string[] = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'];
const metaGroup = 'meta.k8s.io';
const plainJson: Format = { media: 'json', shape: undefined, isPretty: false, contentType: 'application/json' };
const known = new Map<string, Format | undefined>();
const knownLimit = 200;

/**
 * The format that the `Accept` header asks for. `shapesAllowed` are those the request can be answered in; a custom
 * resource has no protobuf form but in these. 406 for none.
 */
export function formatOf(request: ApiRequest, shapesAllowed: readonly Shape['kind'][], isCustom = false): Format {
  const { accept = '' } = request.headers;
  const format =
    accept === '' || accept === 'application/json' ? plainJson : negotiate(accept, shapesAllowed, isCustom);
  if (!format) throw notAcceptable(shapesAllowed);
  return format.media === 'json' && wantsPretty(request) ? { ...format, isPretty: true } : format;
}

/** The format without a shape, for answers that are no objects of a kind: errors, discovery. JSON when all else fails. */
export function plainFormatOf(request: ApiRequest): Format {
  const { accept = '' } = request.headers;
  const choice = parseAccept(accept).find(({ media }) => media);
  const isPretty = wantsPretty(request);
  return choice ? { ...formatFor(choice, undefined), isPretty } : { ...plainJson, isPretty };
}

/** What an Accept header asks for, and the answer's header says, for all of discovery in one document (KEP-3352). */
const aggregatedKind = { g: 'apidiscovery.k8s.io', v: 'v2', as: 'APIGroupDiscoveryList' };

/**
 * The format of a discovery document; `mayAggregate`: that of all groups, which clients can have in one document instead
 * of one for each version. 406 for none: of that document, there is no other version since 1.33.
 */
export function discoveryFormatOf(request: ApiRequest, mayAggregate: boolean): Format & { isAggregated: boolean } {
  const { accept = '' } = request.headers;
  const isPretty = wantsPretty(request);
  if (accept === '') return { ...plainJson, isPretty, isAggregated: false };
  for (const choice of parseAccept(accept)) {
    const plain = formatFor(choice, undefined);
    if (!choice.parameters.has('as')) return { ...plain, isPretty, isAggregated: false };
    const wanted = Object.entries(aggregatedKind);
    if (!mayAggregate || wanted.some(([name, value]) => choice.parameters.get(name) !== value)) continue;
    const contentType = `${plain.contentType};${wanted.map((pair) => pair.join('=')).join(';')}`;
    return { ...plain, contentType, isAggregated: true };
  }
  throw notAcceptable([]);
}

function negotiate(accept: string, shapesAllowed: readonly Shape['kind'][], isCustom: boolean): Format | undefined {
  const key = `${shapesAllowed.join()} ${isCustom} ${accept}`;
  if (known.has(key)) return known.get(key);
  let format: Format | undefined;
  for (const choice of parseAccept(accept)) {
    format = suits(choice, shapesAllowed);
    if (format && isCustom && format.media === 'protobuf' && !format.shape) format = undefined;
    if (format) break;
  }
  if (known.size >= knownLimit) known.clear();
  known.set(key, format);
  return format;
}

function suits(choice: Choice, shapesAllowed: readonly Shape['kind'][]): Format | undefined {
  const as = choice.parameters.get('as');
  if (as === undefined) return formatFor(choice, undefined);
  const version = choice.parameters.get('v') ?? '';
  const kind = shapesAllowed.find((allowed) => allowed === as);
  if (!kind || choice.parameters.get('g') !== metaGroup) return undefined;
  if (version !== 'v1' && version !== 'v1beta1') return undefined;
  return formatFor(choice, { kind, version });
}

function formatFor({ media }: Choice, shape: Shape | undefined): Format {
  const contentType = media === 'protobuf' ? protobufType : `application/${media}`;
  return { media, shape, isPretty: false, contentType };
}

/** The clauses of an Accept header that we can serve, best quality first, in order among equals (RFC 9110, 12.5.1). */
function parseAccept(header: string): Choice[] {
  const choices: (Choice & { quality: number })[] = [];
  for (const clause of header.split(',')) {
    const [type = '', ...pairs] = clause.split(';').map((part) => part.trim());
    const media = mediaTypes[type.toLowerCase()];
    if (!media) continue;
    const parameters = new Map(pairs.map((pair) => pair.split('=', 2) as [string, string]));
    choices.push({ media, parameters, quality: Number(parameters.get('q') ?? 1) });
  }
  return choices.toSorted((a, b) => b.quality - a.quality);
}

/** Asked for by `pretty`; browsers and command-line tools get it when they say nothing. */
function wantsPretty(request: ApiRequest): boolean {
  const asked = request.query.get('pretty');
  if (asked !== null) return isTrue(asked);
  const agent = request.headers['user-agent'];
  if (agent === undefined) return false;
  return agent.startsWith('curl') || agent.startsWith('Wget') || agent.startsWith('Mozilla/5.0');
}

export function notAcceptable(shapesAllowed: readonly string[]): ApiError {
  const plain = ['application/json', 'application/yaml', protobufType];
  const shaped = shapes
    .filter((shape) => shapesAllowed.includes(shape))
    .flatMap((shape) => plain.map((type) => `${type};as=${shape};v=v1;g=${metaGroup}`));
  const text = 'only the following media types are accepted: ';
  return ApiError.of('NotAcceptable', text + [...plain, ...shaped].join(', '), {});
}
