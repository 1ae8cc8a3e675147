import { isMap, isSeq, parseDocument, YAMLMap, YAMLSeq } from 'yaml';
import type { Document } from 'yaml';

/** What a kubeconfig needs to know of one cluster. */
export interface KubeconfigEntry {
  /** Cluster, user and context all get this name. */
  name: string;
  /** `https://127.0.0.1:6443` */
  server: string;
  /** PEM. */
  certificateAuthority: string;
  clientCertificate: string;
  clientKey: string;
}

const sections = ['clusters', 'users', 'contexts'] as const;

export type KubeconfigSection = (typeof sections)[number];

/** What an entry of a section holds beside its name. */
const bodies = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;

/**
 * The kubeconfig text with `entry` in it and its context current. Other entries, fields that we do not know, and
 * comments stay as they are. Throws an Error with one sentence when `existing` is no kubeconfig.
 */
export function mergeKubeconfig(existing: string | undefined, entry: KubeconfigEntry): string {
  const document = parse(existing);
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  setFields(document, 'clusters', entry.name, {
    'certificate-authority-data': base64(entry.certificateAuthority),
    server: entry.server,
  });
  setFields(document, 'users', entry.name, {
    'client-certificate-data': base64(entry.clientCertificate),
    'client-key-data': base64(entry.clientKey),
  });
  setFields(document, 'contexts', entry.name, { cluster: entry.name, user: entry.name });
  document.set('current-context', entry.name);
  return render(document);
}

/**
 * The text without the entry of that name, or undefined when it holds none. A current context that points to it is
 * unset.
 */
export function removeFromKubeconfig(existing: string, name: string): string | undefined {
  const document = parse(existing);
  let changed = false;
  for (const section of sections) {
    const list = document.get(section);
    if (!isSeq(list)) continue;
    const before = list.items.length;
    list.items = list.items.filter((item) => !(isMap(item) && item.get('name') === name));
    changed ||= list.items.length !== before;
    if (list.items.length === 0) list.flow = true;
  }
  if (document.get('current-context') === name) {
    document.set('current-context', '');
    changed = true;
  }
  return changed ? render(document) : undefined;
}

/** Does the text define a context of that name? */
export function hasContext(existing: string, name: string): boolean {
  return hasEntry(existing, 'contexts', name);
}

/** Does the text define an entry of that name? */
export function hasEntry(existing: string, section: KubeconfigSection, name: string): boolean {
  const list = parse(existing).get(section);
  return isSeq(list) && list.items.some((item) => isMap(item) && item.get('name') === name);
}

/** The text with these fields of an entry, which is added when it is not there. Null takes a field away. */
export function setEntry(
  existing: string | undefined,
  section: KubeconfigSection,
  ...[name, values]: [name: string, values: Readonly<Record<string, string | boolean | null>>]
): string {
  const document = parse(existing);
  setFields(document, section, name, values);
  return render(document);
}

/** The text without one entry. The current context stays what it is. */
export function removeEntry(existing: string, section: KubeconfigSection, name: string): string {
  const document = parse(existing);
  const list = document.get(section);
  if (isSeq(list)) {
    list.items = list.items.filter((item) => !(isMap(item) && item.get('name') === name));
    if (list.items.length === 0) list.flow = true;
  }
  return render(document);
}

/** The text in which a context has another name; one that is current stays so. */
export function renameContext(existing: string, from: string, to: string): string {
  const document = parse(existing);
  const list = document.get('contexts');
  const item = isSeq(list) ? list.items.find((each) => isMap(each) && each.get('name') === from) : undefined;
  if (isMap(item)) item.set('name', to);
  if (document.get('current-context') === from) document.set('current-context', to);
  return render(document);
}

export function setCurrentContext(existing: string | undefined, name: string): string {
  const document = parse(existing);
  document.set('current-context', name);
  return render(document);
}

function parse(text: string | undefined): Document {
  // An empty file is an empty map.
  const document: Document = parseDocument(text?.trim() ? text : '{}');
  const error = document.errors[0];
  if (error) throw new Error(`is not valid YAML: ${error.message.split('\n')[0] ?? ''}`);
  if (!isMap(document.contents)) throw new Error('is not a kubeconfig: it is not a map');
  document.contents.flow = false;
  if (!document.has('apiVersion')) document.set('apiVersion', 'v1');
  if (!document.has('kind')) document.set('kind', 'Config');
  if (document.get('kind') !== 'Config') throw new Error('is not a kubeconfig: its kind is not Config');
  return document;
}

/** Sets fields of the named entry of a section, which is added when it is not there. */
function setFields(
  document: Document,
  section: KubeconfigSection,
  ...[name, values]: [name: string, values: Readonly<Record<string, string | boolean | null>>]
): void {
  const field = bodies[section];
  let list = document.get(section);
  if (!isSeq(list)) {
    list = new YAMLSeq();
    document.set(section, list);
  }
  if (!isSeq(list)) return;
  list.flow = false;
  let item = list.items.find((candidate) => isMap(candidate) && candidate.get('name') === name);
  if (!isMap(item)) {
    item = document.createNode({ [field]: {}, name });
    list.items.push(item);
  }
  if (!isMap(item)) return;
  let body = item.get(field);
  if (!isMap(body)) {
    body = new YAMLMap();
    item.set(field, body);
  }
  if (!isMap(body)) return;
  body.flow = false;
  for (const [key, value] of Object.entries(values)) {
    if (value === null) body.delete(key);
    else body.set(key, value);
  }
}

function render(document: Document): string {
  return document.toString({ lineWidth: 0, indentSeq: false });
}
