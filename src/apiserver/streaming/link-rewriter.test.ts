import { describe, expect, it } from 'vitest';
import { LinkRewriter, rewriteLink } from './link-rewriter.ts';

const page = { prefix: '/api/v1/namespaces/a/pods/b/proxy', backendHost: '10.1.2.3:80', requestHost: 'api:6443' };
const { prefix } = page;

/** The page as it comes out when it goes in in pieces of this many letters. */
function rewritten(html: string, size = html.length): string {
  const rewriter = new LinkRewriter((link) => rewriteLink(link, page));
  let output = '';
  for (let at = 0; at < html.length; at += size) output += rewriter.push(html.slice(at, at + size));
  return output + rewriter.finish();
}

describe('a link of a proxied page', () => {
  it.each([
    ['/x/?a=b#c', `${prefix}/x/?a=b#c`],
    ['/', `${prefix}/`],
    ['http://10.1.2.3:80/x', `${prefix}/x`],
    ['//10.1.2.3:80/x', `${prefix}/x`],
    ['https://api:6443/x', `https://api:6443${prefix}/x`],
    [`${prefix}/x`, `${prefix}/x`],
    ['http://elsewhere/x', 'http://elsewhere/x'],
    ['x/y', 'x/y'],
    ['?a=/b', '?a=/b'],
    ['#top', '#top'],
    ['mailto:a@b', 'mailto:a@b'],
    ['', ''],
  ])('%s becomes %s', (link, expected) => {
    expect(rewriteLink(link, page)).toBe(expected);
  });
});

describe('a proxied page', () => {
  it('leads its links through the proxy, however they are written', () => {
    expect(rewritten('<a href="/x">test</a>')).toBe(`<a href="${prefix}/x">test</a>`);
    expect(rewritten("<IMG alt=a SRC='/x' >")).toBe(`<IMG alt=a SRC='${prefix}/x' >`);
    expect(rewritten('<form action = /x method=post>')).toBe(`<form action = ${prefix}/x method=post>`);
    expect(rewritten('<a title="1 > 0" href="/x">')).toBe(`<a title="1 > 0" href="${prefix}/x">`);
    expect(rewritten('<video poster=/p src=/s><br/>')).toBe(`<video poster=${prefix}/p src=${prefix}/s><br/>`);
  });

  it('keeps what is no link', () => {
    for (const html of [
      '<div href="/x">',
      '<a data-href="/x" name>',
      '<!-- <a href="/x"> -->',
      '<script>"<a href=\'/x\'>"</script>',
      '<style><a href="/x"></STYLE>',
      'a < b, <3, </a href="/x">',
      '<a href="/x',
      '<!-',
      '<',
    ])
      expect(rewritten(html)).toBe(html);
  });

  it('comes out the same whatever pieces it comes in', () => {
    const html = `<html><!-- <a href="/no"> --><script src="/s">"</scr"</script><a\n href='/x'>é</a><p`;
    const whole = rewritten(html);
    expect(whole).toContain(`<script src="${prefix}/s">`);
    expect(whole).toContain(`href='${prefix}/x'`);
    expect(whole).not.toContain(`${prefix}/no`);
    for (let size = 1; size < html.length; size++) expect(rewritten(html, size)).toBe(whole);
  });

  it('holds back no more than a tag is long', () => {
    const rewriter = new LinkRewriter((link) => link);
    expect(rewriter.push(`<a href="${'x'.repeat(100_000)}`)).toHaveLength(100_009);
  });
});
