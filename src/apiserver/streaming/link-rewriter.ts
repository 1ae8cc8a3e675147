/** Attributes that hold a URL, by element (HTML 4.01 and the living standard, as apimachinery's proxy transport has them). */
const linkAttributes: Readonly<Record<string, readonly string[] | undefined>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Elements whose content is text up to their end tag, whatever it looks like. */
const textElements = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'noembed', 'noframes', 'iframe']);
/** What is open for longer is not a tag. */
const longestTag = 64 * 1024;
/** An end that is looked for is shorter: so much of a text may be its beginning. */
const longestEnd = 16;

/** Where a proxied page was asked for, and where it came from. */
export interface ProxiedPage {
  /** The proxy's path for the page's root: `/api/v1/namespaces/a/services/b/proxy`. */
  prefix: string;
  /** `address:port` of the server behind. */
  backendHost: string;
  /** The client's `Host` header. */
  requestHost: string;
}

/**
 * Leads a link to the page's own server through the proxy (apimachinery's `proxy.Transport`): a path from the root gets
 * the prefix. Links to elsewhere and relative ones stay as they are. Pure.
 */
export function rewriteLink(link: string, { prefix, backendHost, requestHost }: ProxiedPage): string {
  const match = /^(?:[a-z][a-z\d+.-]*:)?(?:\/\/([^/?#]*))?(\/[^?#]*)([?#].*)?$/is.exec(link);
  if (!match) return link;
  const [, host = '', path = '', rest = ''] = match;
  if (host !== '' && host !== backendHost && host !== requestHost) return link;
  const origin = host !== '' && host === requestHost ? link.slice(0, link.indexOf(host) + host.length) : '';
  return origin + (path.startsWith(prefix) ? '' : prefix) + path + rest;
}

/**
 * Rewrites the links of an HTML page that comes in pieces. Letters that are no links come out as they went in; whoever
 * reads bytes as Latin-1 gets them back. Takes time in proportion to the page, whatever is in it.
 */
export class LinkRewriter {
  readonly #rewrite: (link: string) => string;
  /** What is not decided yet: the beginning of a tag, or of an end. */
  #pending = '';
  /** The end of the comment or text element that the page is in. */
  #end: RegExp | undefined;

  constructor(rewrite: (link: string) => string) {
    this.#rewrite = rewrite;
  }

  push(piece: string): string {
    const html = this.#pending + piece;
    this.#pending = '';
    let output = '';
    let at = 0;
    while (at < html.length) {
      const step = this.#end ? this.#skipText(html, at, this.#end) : this.#nextTag(html, at);
      output += step.output;
      at = step.at;
      if (step.isPending) {
        this.#pending = html.slice(at);
        break;
      }
    }
    return output;
  }

  /** What was left undecided. */
  finish(): string {
    return this.#pending;
  }

  #skipText(html: string, at: number, end: RegExp): Step {
    end.lastIndex = at;
    const found = end.exec(html);
    if (!found) {
      const decided = Math.max(at, html.length - longestEnd);
      return { output: html.slice(at, decided), at: decided, isPending: true };
    }
    this.#end = undefined;
    const next = found.index + found[0].length;
    return { output: html.slice(at, next), at: next };
  }

  #nextTag(html: string, from: number): Step {
    const open = html.indexOf('<', from);
    if (open < 0) return { output: html.slice(from), at: html.length };
    const before = html.slice(from, open);
    if (html.startsWith('<!--', open)) {
      this.#end = /-->/g;
      return { output: `${before}<!--`, at: open + 4 };
    }
    const tag = '<!--'.startsWith(html.slice(open)) ? 'incomplete' : readTag(html, open, this.#rewrite);
    if (tag === 'none') return { output: `${before}<`, at: open + 1 };
    if (tag === 'incomplete') {
      if (html.length - open > longestTag) return { output: before + html.slice(open), at: html.length };
      return { output: before, at: open, isPending: true };
    }
    if (textElements.has(tag.element)) this.#end = new RegExp(`</${tag.element}`, 'gi');
    return { output: before + tag.text, at: tag.end };
  }
}

interface Step {
  output: string;
  /** Where it goes on. */
  at: number;
  /** The rest is decided when more of the page is there. */
  isPending?: boolean;
}

/** A start tag at `open`, with its links rewritten, and where it ends (HTML standard, 13.2.5.8 to 13.2.5.40). */
function readTag(
  html: string,
  open: number,
  rewrite: (link: string) => string,
): { element: string; text: string; end: number } | 'none' | 'incomplete' {
  const name = matchAt(/[a-z][^\s/>]*/iy, html, open + 1);
  if (name === '') return open + 1 === html.length ? 'incomplete' : 'none';
  const element = name.toLowerCase();
  const links = linkAttributes[element] ?? [];
  let text = '';
  let copied = open;
  let at = open + 1 + name.length;
  for (;;) {
    at += matchAt(/[\s/]*/y, html, at).length;
    if (at >= html.length) return 'incomplete';
    if (html[at] === '>') return { element, text: text + html.slice(copied, at + 1), end: at + 1 };
    const attribute = matchAt(/=?[^\s/>=]*/y, html, at);
    at += attribute.length;
    const equals = matchAt(/\s*=\s*/y, html, at);
    if (equals === '') continue;
    at += equals.length;
    const quote = html[at] === '"' || html[at] === "'" ? (html[at] as string) : '';
    at += quote.length;
    const end = quote === '' ? at + matchAt(/[^\s>]*/y, html, at).length : html.indexOf(quote, at);
    if (end < 0 || end >= html.length) return 'incomplete';
    if (links.includes(attribute.toLowerCase())) {
      text += html.slice(copied, at) + rewrite(html.slice(at, end));
      copied = end;
    }
    at = end + quote.length;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}
