/** One of the machine's package source files. */
export interface AptSourceFile {
  /** `/etc/apt/sources.list.d/debian.sources`: the ending tells the format. */
  path: string;
  text: string;
}

/**
 * Of the machine's package sources (sources.list(5), both formats) those of the distribution itself: of the release
 * `codename` and its updates. Third parties' are left out: a base image has only what the distribution ships.
 */
export function distributionSources(files: readonly AptSourceFile[], codename: string): AptSourceFile[] {
  const suites = new Set([codename, `${codename}-updates`, `${codename}-security`]);
  return files.flatMap(({ path, text }) => {
    const kept = path.endsWith('.sources') ? stanzas(text, suites) : lines(text, suites);
    return kept === '' ? [] : [{ path, text: kept }];
  });
}

/** deb822: paragraphs of fields, `Suites` names one or more releases. */
function stanzas(text: string, suites: ReadonlySet<string>): string {
  const kept = text.split(/\n\s*\n/).filter((stanza) => {
    const field = (name: string): string[] =>
      (new RegExp(`^${name}:(.*)$`, 'im').exec(stanza)?.[1] ?? '').trim().split(/\s+/);
    const isEnabled = field('Enabled')[0]?.toLowerCase() !== 'no';
    return isEnabled && field('Types').includes('deb') && field('Suites').some((suite) => suites.has(suite));
  });
  return kept.length === 0 ? '' : `${kept.join('\n\n').trim()}\n`;
}

/** One line for each source: `deb [options] uri suite component…`. */
function lines(text: string, suites: ReadonlySet<string>): string {
  const kept = text.split('\n').filter((line) => {
    const [type, , suite = ''] = line
      .replace(/\[[^\]]*\]/, '')
      .trim()
      .split(/\s+/);
    return type === 'deb' && suites.has(suite);
  });
  return kept.length === 0 ? '' : `${kept.join('\n')}\n`;
}
