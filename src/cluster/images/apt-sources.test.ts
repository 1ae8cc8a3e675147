import { describe, expect, it } from 'vitest';
import { distributionSources } from './apt-sources.ts';

describe('the package sources of a base image', () => {
  it("are the distribution's own paragraphs, in deb822 files", () => {
    const debian =
      'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main';
    const source = debian.replace('deb\n', 'deb-src\n');
    const off = `Enabled: no\n${debian}`;
    const files = [
      { path: '/etc/apt/sources.list.d/debian.sources', text: `${debian}\n\n${source}\n\n${off}\n` },
      { path: '/etc/apt/sources.list.d/node.sources', text: 'Types: deb\nURIs: https://x\nSuites: nodistro\n' },
    ];
    expect(distributionSources(files, 'bookworm')).toEqual([{ path: files[0]?.path, text: `${debian}\n` }]);
  });

  it("are the distribution's own lines, in one-line files", () => {
    const text = [
      '# deb http://mirror.example/debian bookworm main',
      'deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian bookworm main',
      'deb-src http://mirror.example/debian bookworm main',
      'deb http://security.example bookworm-security main',
      'deb https://packages.example.com cloud-bookworm main',
    ].join('\n');
    const [found] = distributionSources([{ path: '/etc/apt/sources.list', text }], 'bookworm');
    expect(
      found?.text
        .trim()
        .split('\n')
        .map((line) => line.split(' ').at(-2)),
    ).toEqual(['bookworm', 'bookworm-security']);
  });
});
