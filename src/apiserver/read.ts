import { yieldToEventLoop } from '../base/yield.ts';
import { ApiError, notFound } from '../api/status.ts';
import type { Entry, ListResult } from '../store/store.ts';
import { decodeContinue, encodeContinue, expiredContinue } from './continue-token.ts';
import type { ContinueToken } from './continue-token.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { storeKeyOf } from './kind-index.ts';
import type { Served } from './kind-index.ts';
import { revisionOf, tooLargeResourceVersion } from './list-options.ts';
import type { ListOptions } from './list-options.ts';
import { decodedOf, selectableForm } from './stored-object.ts';
import { prepareConversions } from './webhooks/conversion.ts';

/** Objects that a selector looks at before the event loop gets a turn. */
const slice = 500;

/** GET of one object: the newest, or one not older than `resourceVersion`. */
export async function get(core: Core, request: ResourceRequest): Promise<Outcome> {
  const wanted = revisionOf(request.request.query.get('resourceVersion') ?? '');
  if (wanted !== undefined && wanted > core.store.revision) {
    throw tooLargeResourceVersion(wanted, core.store.revision);
  }
  const found = await core.store.get(storeKeyOf(request.served, request.namespace, request.name));
  if (found.kind !== 'found') throw notFound(request.kind.group, request.kind.plural, request.name);
  return { kind: 'entry', status: 200, entry: found.entry };
}

/** One page of a list. */
export interface Page {
  entries: readonly Entry[];
  /** Of the state that was listed. */
  revision: number;
  /** '' when nothing follows. */
  continueToken: string;
  remaining: number | undefined;
}

/** The prefix that a list or watch of this request covers. */
export function listPrefix(served: Served, namespace: string): string {
  return served.kind.scope === 'Namespaced' && namespace !== '' ? `${served.prefix}${namespace}/` : served.prefix;
}

/** The entries that a list answers with, by the rules for `resourceVersion`, `limit` and `continue`. */
export async function listPage(core: Core, request: ResourceRequest, options: ListOptions): Promise<Page> {
  const { served, namespace } = request;
  const prefix = listPrefix(served, namespace);
  const token = options.continueToken === '' ? undefined : decodeContinue(options.continueToken);
  const revision = token ? continuedRevision(token, options) : listRevision(core, options);
  const from = token && prefix + token.after;
  const isPlain = options.selection.isEverything;
  const matched: Entry[] = [];
  let after = from;
  let at = revision;
  for (;;) {
    const limit = options.limit === 0 ? undefined : isPlain ? options.limit : Math.max(options.limit, slice);
    const result = await core.store.list({
      prefix,
      ...(at !== undefined && { revision: at }),
      ...(limit !== undefined && { limit }),
      ...(after !== undefined && { after }),
    });
    const listed = entriesOf(result, token);
    at = listed.revision;
    if (isPlain) return pageOf({ ...listed, prefix, remaining: listed.remaining, counts: true });
    const cutAt = await select(core, listed.entries, { matched, served, options });
    if (cutAt !== undefined) {
      const isMore = cutAt < listed.entries.length - 1 || listed.remaining > 0;
      return pageOf({ entries: matched, revision: at, prefix, remaining: isMore ? 1 : 0, counts: false });
    }
    if (listed.remaining === 0) return pageOf({ entries: matched, revision: at, prefix, remaining: 0, counts: false });
    after = listed.entries.at(-1)?.key;
  }
}

/** Adds what matches to `matched`; answers the index at which the page was full, if it was. */
async function select(
  core: Core,
  entries: readonly Entry[],
  { matched, served, options }: { matched: Entry[]; served: Served; options: ListOptions },
): Promise<number | undefined> {
  const { selection, limit } = options;
  const isNamed = ({ key }: Entry): boolean => selection.name === undefined || key.endsWith(`/${selection.name}`);
  if (served.version.webhook) await prepareConversions(core, served, entries.filter(isNamed).map(decodedOf));
  for (let i = 0; i < entries.length; i++) {
    if (i > 0 && i % slice === 0) await yieldToEventLoop();
    const entry = entries[i] as Entry;
    if (!isNamed(entry) || !selection.matches(selectableForm(entry, served))) continue;
    matched.push(entry);
    if (limit > 0 && matched.length >= limit) return i;
  }
  return undefined;
}

function pageOf(listed: {
  entries: readonly Entry[];
  revision: number;
  prefix: string;
  remaining: number;
  counts: boolean;
}): Page {
  const { entries, revision, prefix, remaining, counts } = listed;
  const last = entries.at(-1);
  if (remaining === 0 || !last) return { entries, revision, continueToken: '', remaining: undefined };
  const continueToken = encodeContinue({ revision, after: last.key.slice(prefix.length) });
  return { entries, revision, continueToken, remaining: counts ? remaining : undefined };
}

function entriesOf(result: ListResult, token: ContinueToken | undefined): Extract<ListResult, { kind: 'entries' }> {
  switch (result.kind) {
    case 'entries':
      return result;
    case 'compacted':
      if (token) throw expiredContinue(token);
      throw ApiError.of('Expired', 'The resourceVersion for the provided list is too old.');
    case 'futureRevision':
      throw tooLargeResourceVersion(result.revision + 1, result.revision);
  }
}

function continuedRevision(token: ContinueToken, { resourceVersion }: ListOptions): number | undefined {
  if (resourceVersion !== '' && resourceVersion !== '0') {
    throw ApiError.of('BadRequest', 'specifying resource version is not allowed when using continue');
  }
  return token.revision < 0 ? undefined : token.revision;
}

/** The revision to list at; undefined: the newest, which satisfies everything but an exact match. */
function listRevision(core: Core, { resourceVersion, match, limit }: ListOptions): number | undefined {
  const wanted = revisionOf(resourceVersion);
  if (wanted === undefined) return undefined;
  if (wanted > core.store.revision) throw tooLargeResourceVersion(wanted, core.store.revision);
  // A paged list at a revision has always meant exactly that one.
  const isExact = match === 'Exact' || (match === '' && limit > 0);
  return isExact ? wanted : undefined;
}
