import { parseFieldSelector } from '../api/field-selector.ts';
import type { FieldRequirement } from '../api/field-selector.ts';
import { forbidden, invalidValue, notSupported } from '../api/field-errors.ts';
import { parseLabelSelector } from '../api/label-selector.ts';
import type { LabelMatcher } from '../api/label-selector.ts';
import type { AnyObject } from '../api/object.ts';
import { ApiError, invalid } from '../api/status.ts';
import type { StatusCause } from '../api/types/meta-v1.ts';
import type { Served } from './kind-index.ts';
import { isTrue } from './request-info.ts';

/** Parameters of list, watch and deletecollection (`metav1.ListOptions`), checked. */
export interface ListOptions {
  selection: Selection;
  limit: number;
  continueToken: string;
  /** '' when it was not given. */
  resourceVersion: string;
  match: '' | 'Exact' | 'NotOlderThan';
  timeoutSeconds: number | undefined;
  allowBookmarks: boolean;
  sendInitialEvents: boolean | undefined;
}

/** Which objects a selector picks. */
export interface Selection {
  isEverything: boolean;
  matches(object: AnyObject): boolean;
  /** The one name that can match, if the selector says so. */
  name: string | undefined;
}

/** Throws Invalid (422) for options that contradict each other, BadRequest for selectors that cannot be parsed. */
export function listOptionsOf(query: URLSearchParams, served: Served): ListOptions {
  const verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  const text = (name: string): string => query.get(name) ?? '';
  const initial = query.get('sendInitialEvents');
  const options = {
    limit: wholeNumber(text('limit'), 'limit'),
    continueToken: text('continue'),
    resourceVersion: text('resourceVersion'),
    match: text('resourceVersionMatch'),
    sendInitialEvents: initial === null ? undefined : isTrue(initial),
  };
  const causes = verb === 'watch' ? watchProblems(options) : listProblems(options);
  if (causes.length > 0) throw invalid('meta.k8s.io', 'ListOptions', '', causes);
  const timeout = text('timeoutSeconds');
  return {
    ...options,
    match: options.match as ListOptions['match'],
    selection: selectionOf(text('labelSelector'), text('fieldSelector'), served),
    timeoutSeconds: timeout === '' ? undefined : wholeNumber(timeout, 'timeoutSeconds'),
    allowBookmarks: isTrue(query.get('allowWatchBookmarks')),
  };
}

interface RawOptions {
  continueToken: string;
  resourceVersion: string;
  match: string;
  sendInitialEvents: boolean | undefined;
}

const matchField = 'resourceVersionMatch';

function listProblems({ continueToken, resourceVersion, match, sendInitialEvents }: RawOptions): StatusCause[] {
  const causes: StatusCause[] = [];
  if (match !== '') {
    if (resourceVersion === '') {
      causes.push(forbidden(matchField, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    }
    if (continueToken !== '') {
      causes.push(forbidden(matchField, 'resourceVersionMatch is forbidden when continue is provided'));
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      causes.push(notSupported(matchField, match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && resourceVersion === '0') {
      causes.push(forbidden(matchField, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (sendInitialEvents !== undefined) {
    causes.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return causes;
}

function watchProblems({ continueToken, match, sendInitialEvents }: RawOptions): StatusCause[] {
  const causes: StatusCause[] = [];
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    causes.push(forbidden(matchField, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (match === '') return causes;
  if (sendInitialEvents === undefined) {
    const text = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    causes.push(forbidden(matchField, text));
  }
  if (match !== 'NotOlderThan') causes.push(notSupported(matchField, match, ['NotOlderThan']));
  if (continueToken !== '') {
    causes.push(forbidden(matchField, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  return causes;
}

function wholeNumber(text: string, name: string): number {
  if (text === '') return 0;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) {
    const reason = `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw ApiError.of('BadRequest', `unable to decode query parameter ${name}: ${reason}`);
  }
  return Math.max(0, value);
}

/** A revision from a parameter: undefined for '' and '0'. Throws for what is no number. */
export function revisionOf(text: string): number | undefined {
  if (text === '' || text === '0') return undefined;
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) {
    const reason = `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw invalid('', '', '', [invalidValue('resourceVersion', text, reason)]);
  }
  return Number(text);
}

export function tooLargeResourceVersion(wanted: number, current: number): ApiError {
  const text = `Too large resource version: ${wanted}, current: ${current}`;
  return ApiError.of('Timeout', text, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

function selectionOf(labelSelector: string, fieldSelector: string, served: Served): Selection {
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(fieldSelector).map((requirement) => fieldMatcher(requirement, served));
  if (labels.isEmpty && fields.length === 0) return everything;
  return {
    isEverything: false,
    matches: (object) => matchesLabels(labels, object) && fields.every((field) => field.matches(object)),
    name: fields.find((field) => field.name !== undefined)?.name,
  };
}

const everything: Selection = { isEverything: true, matches: () => true, name: undefined };

function matchesLabels(labels: LabelMatcher, object: AnyObject): boolean {
  return labels.isEmpty || labels.matches(object.metadata.labels);
}

interface FieldMatcher {
  matches(object: AnyObject): boolean;
  name: string | undefined;
}

function fieldMatcher({ field, operator, value }: FieldRequirement, served: Served): FieldMatcher {
  const read = fieldReader(field, served);
  const wanted = operator === '=';
  return {
    matches: (object) => (read(object) === value) === wanted,
    name: wanted && field === 'metadata.name' ? value : undefined,
  };
}

function fieldReader(field: string, { kind }: Served): (object: AnyObject) => string {
  if (field === 'metadata.name') return ({ metadata }) => metadata.name ?? '';
  if (field === 'metadata.namespace' && kind.scope === 'Namespaced') return ({ metadata }) => metadata.namespace ?? '';
  const own = kind.selectableFields;
  const read = own && Object.hasOwn(own, field) ? own[field] : undefined;
  if (read) return read;
  // Only kinds with fields of their own have a conversion of theirs, which words the refusal differently upstream.
  const text = own
    ? `field label not supported: ${field}`
    : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
  throw ApiError.of('BadRequest', text);
}
