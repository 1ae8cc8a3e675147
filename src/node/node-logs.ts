import type { Stats } from 'node:fs';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';

/** Directories of `/logs/`, and where they lie. */
export type NodeLogs = Readonly<Record<string, string>>;

/**
 * The kubelet's `/logs/`: what lies below a node's `/var/log`, directories as pages of links, files as they are
 * (`enableSystemLogHandler` of KubeletConfiguration). `pathname` is percent-encoded and starts with `/logs`.
 */
export async function serveNodeLogs(logs: NodeLogs, pathname: string, response: ServerResponse): Promise<void> {
  const [top = '', ...rest] = pathname
    .split('/')
    .slice(2)
    .map(decodeURIComponent)
    .filter((part) => part !== '');
  if (top === '')
    return list(
      Object.keys(logs).map((name) => `${name}/`),
      response,
    );
  const root = Object.hasOwn(logs, top) ? logs[top] : undefined;
  // A name of a file is neither of these, so nothing leads out of the directory.
  if (root === undefined || rest.some((part) => part === '..' || /[/\0]/.test(part))) return missing(response);
  const path = [root, ...rest].join('/');
  const found = await stat(path).catch(() => undefined);
  if (!found) return missing(response);
  if (!found.isDirectory()) return send(path, found, response);
  // The links of a directory are relative to it.
  if (!pathname.endsWith('/'))
    return void response.writeHead(301, { location: `${pathname.split('/').at(-1)}/` }).end();
  const entries = await readdir(path, { withFileTypes: true });
  return list(
    entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)),
    response,
  );
}

function missing(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
}

function list(names: readonly string[], response: ServerResponse): void {
  const links = names.toSorted().map((name) => `<a href="${encodeURI(name)}">${escapeText(name)}</a>\n`);
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html>\n<pre>\n${links.join('')}</pre>\n`);
}

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

async function send(path: string, { size }: Stats, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': size });
  if (size === 0) return void response.end();
  // What is written meanwhile is not part of the answer.
  await pipeline(createReadStream(path, { end: size - 1 }), response);
}
