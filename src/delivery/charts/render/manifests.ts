import { sortByKind } from '../../apply/order.ts';
import { unsure } from '../functions/yaml-quick.ts';
import { decodeStruct } from '../functions/go-struct.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { HeadSkimmer, type ObjectHead } from '../functions/yaml-skim.ts';
import { type Hook, type HookEvent, hookEvents } from '../release/release.ts';
import { isPartial } from './context.ts';
import type { PostRenderer } from './post-renderer.ts';
import { RenderError } from './render-error.ts';
import type { Rendered } from './render.ts';

/** One document that a template gave. */
export interface RenderedManifest {
  /** `web/templates/deployment.yaml` */
  path: string;
  content: string;
  kind: string;
}

export interface SortedManifests {
  /** Hooks of kinds that there are not, which are left out: as they are written, and the template they come from. */
  skipped: { path: string; events: string }[];
  hooks: Hook[];
  manifests: RenderedManifest[];
}

/**
 * Takes apart what templates gave: documents, hooks among them, in the order of their kinds (Helm documentation, "Chart
 * Hooks"). NOTES.txt and partials are not looked at.
 * @throws RenderError when a document is no YAML
 */
export function sortManifests(rendered: Rendered): SortedManifests {
  const documents: SourcedText[] = [];
  for (const [path, text] of [...rendered].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (isPartial(path) || path.endsWith('NOTES.txt') || text.trim() === '') continue;
    for (const content of splitManifests(text)) documents.push({ path, content });
  }
  return sortDocuments(documents);
}

/** A document and the template that it comes from. */
interface SourcedText {
  path: string;
  content: string;
}

function sortDocuments(documents: readonly SourcedText[]): SortedManifests {
  const hooks: Hook[] = [];
  const manifests: RenderedManifest[] = [];
  const skipped: SortedManifests['skipped'] = [];
  const skimmer = new HeadSkimmer();
  for (const { path, content } of documents) {
    const head = headOf(content, path, skimmer);
    const events = head.annotations['helm.sh/hook'];
    if (events === undefined) manifests.push({ path, content, kind: head.kind });
    else {
      const hook = hookOf({ path, content, head, events });
      if (hook) hooks.push(hook);
      else skipped.push({ path, events });
    }
  }
  return {
    skipped,
    hooks: sortByKind(hooks, ({ kind }) => kind, 'install'),
    manifests: sortByKind(manifests, ({ kind }) => kind, 'install'),
  };
}

/**
 * Gives everything, hooks among it, to a program that may change it (as Helm 4 does; Helm 3 keeps hooks back), and
 * sorts what comes back. A document that lost its `# Source:` is still known by its kind and name.
 */
export async function postRender(sorted: SortedManifests, change: PostRenderer): Promise<SortedManifests> {
  const before = [...sorted.manifests, ...sorted.hooks.map(({ path, manifest }) => ({ path, content: manifest }))];
  const sources = new Map(before.map(({ path, content }) => [nameIn(content, path), path]));
  const text = await change(joinManifests(before));
  const documents = splitManifests(text).map((document) => {
    const [, source, rest] = /^# Source: (\S+)\n([\s\S]*)$/.exec(document) ?? [];
    const content = rest ?? document;
    return { path: source ?? sources.get(nameIn(content, postRendered)) ?? postRendered, content };
  });
  return sortDocuments(documents);
}

const postRendered = 'post-renderer';

function nameIn(content: string, path: string): string {
  const { kind, name } = headOf(content, path, new HeadSkimmer());
  return `${kind}/${name}`;
}

/** Documents end where a line begins with `---`, whatever follows it. */
export function splitManifests(text: string): string[] {
  const whole = text.trim();
  const documents: string[] = [];
  let start = whole.startsWith('---') ? afterMarker(whole, 0) : 0;
  for (let end = whole.indexOf('\n---', start); end >= 0; end = whole.indexOf('\n---', start)) {
    documents.push(whole.slice(start, end).trim());
    start = afterMarker(whole, end + 1);
  }
  documents.push(whole.slice(start));
  return documents.filter((document) => document !== '');
}

/** Past a marker that begins at `at`, and all space behind it: a marker that follows at once is part of a document. */
function afterMarker(text: string, at: number): number {
  let end = at + 3;
  while (end < text.length && /\s/.test(text.charAt(end))) end++;
  return end;
}

/** All documents as one text, each with the template that it comes from: what a release keeps. */
export function joinManifests(manifests: readonly { path: string; content: string }[]): string {
  return manifests.map(({ path, content }) => `---\n# Source: ${path}\n${content}\n`).join('');
}

const headShape = {
  struct: 'util.SimpleHead',
  fields: {
    kind: 'string',
    metadata: {
      struct: 'struct { Name string "json:\\"name\\""; Annotations map[string]string "json:\\"annotations\\"" }',
      fields: { name: 'string', annotations: { map: 'string' } },
    },
  },
} as const;

function headOf(content: string, path: string, skimmer: HeadSkimmer): ObjectHead {
  try {
    const skimmed = skimmer.head(content);
    if (skimmed !== unsure && 'usual' in skimmed) return skimmed.usual;
    const fields = decodeStruct(skimmed === unsure ? readYaml(content) : skimmed.document, headShape);
    const { kind = '', metadata = {} } = fields as { kind?: string; metadata?: Partial<ObjectHead> };
    return { kind, name: metadata.name ?? '', annotations: metadata.annotations ?? {} };
  } catch (error) {
    throw new RenderError(`YAML parse error on ${path}: ${(error as Error).message}`, error);
  }
}

/** Nothing for a document with a hook that nobody knows: it is passed over, as Helm does. */
function hookOf(document: { path: string; content: string; head: ObjectHead; events: string }): Hook | undefined {
  const { path, content, head } = document;
  const events = list(document.events).map((event) => (event === 'test-success' ? 'test' : event));
  if (!events.every((event) => hookEvents.some((known) => known === event))) return undefined;
  const weight = head.annotations['helm.sh/hook-weight'] ?? '';
  return {
    name: head.name,
    kind: head.kind,
    path,
    manifest: content,
    events: events as HookEvent[],
    weight: /^[+-]?\d+$/.test(weight) ? Number(weight) : 0,
    deletePolicies: list(head.annotations['helm.sh/hook-delete-policy']),
    outputLogPolicies: list(head.annotations['helm.sh/hook-output-log-policy']),
    lastRun: { startedAt: '', completedAt: '', phase: 'Unknown' },
  };
}

function list(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((item) => item.trim().toLowerCase());
}
