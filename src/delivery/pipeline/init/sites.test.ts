import { describe, expect, it } from 'vitest';
import { detectProject } from './detect.ts';
import { renderDockerfile, renderDockerignore } from './dockerfile.ts';

type Files = Record<string, string>;

const detect = (files: Files): ReturnType<typeof detectProject> => {
  // Directories are among the names, as a listing has them.
  const names = Object.keys(files).flatMap((name) => name.split('/').map((_, i, all) => all.slice(0, i + 1).join('/')));
  return detectProject({ directory: '/src/shop', names: new Set(names), read: (name) => files[name] });
};

const packaged = (needs: string, scripts: Record<string, string>, others: Files = {}): Files => ({
  'package.json': JSON.stringify({ scripts, dependencies: { [needs]: '1' } }),
  ...others,
});
const build = { build: 'x build' };

describe('pages that a package makes', () => {
  it.each<[string, Files, string]>([
    ['Astro', packaged('astro', { ...build, start: 'astro dev' }), 'dist'],
    ['Gatsby', packaged('gatsby', { ...build, start: 'gatsby develop' }), 'public'],
    ['Docusaurus', packaged('@docusaurus/core', { ...build, start: 'docusaurus start' }), 'build'],
    [
      'Next, exported',
      packaged('next', { ...build, start: 'next start' }, { 'next.config.mjs': "output: 'export'" }),
      'out',
    ],
    ['VitePress', packaged('vitepress', { 'docs:build': 'vitepress build docs' }), 'docs/.vitepress/dist'],
    ['VitePress at the top', packaged('vitepress', { 'docs:build': 'vitepress build' }), '.vitepress/dist'],
    ['Eleventy', packaged('@11ty/eleventy', { start: 'npx @11ty/eleventy --serve' }), '_site'],
    [
      'Eleventy elsewhere',
      packaged('@11ty/eleventy', build, { '.eleventy.js': 'dir: { output: "public" }' }),
      'public',
    ],
    ['SvelteKit', packaged('@sveltejs/kit', build, { 'svelte.config.js': "from '@sveltejs/adapter-static'" }), 'build'],
    ['Vite elsewhere', packaged('vite', build, { 'vite.config.ts': "build: { outDir: './www/' }" }), 'www'],
    ['Vite out of its directory', packaged('vite', build, { 'vite.config.ts': "outDir: '../www'" }), 'dist'],
  ])('are found: %s', (_name, files, site) => {
    const detected = detect(files);
    expect(detected).toMatchObject({ port: 80, health: { path: '/' }, kind: { kind: 'node', site } });
    expect(renderDockerfile(detected)).toContain(`COPY --from=build /app/${site} /usr/share/nginx/html\n`);
  });

  it('are made by the script that makes them, or by the builder itself', () => {
    const textOf = (files: Files): string => renderDockerfile(detect(files)) ?? '';
    expect(textOf(packaged('vitepress', { 'docs:dev': 'vitepress dev', 'docs:build': 'vitepress build' }))).toContain(
      'RUN npm run docs:build\n',
    );
    const scripts = { serve: 'eleventy --serve', pages: 'npx @11ty/eleventy --output=www' };
    const eleventy = textOf(packaged('@11ty/eleventy', scripts));
    expect(eleventy).toContain('RUN npm run pages\n');
    expect(eleventy).toContain('/app/www ');
    expect(textOf(packaged('@11ty/eleventy', {}))).toContain('RUN npx @11ty/eleventy\n');
  });

  it("lie below Angular's directory, by its builder", () => {
    const site = (architect: object): unknown => {
      const projects = { lib: { projectType: 'library' }, shop: { architect: { build: architect } } };
      return detect(
        packaged('@angular/core', { ...build, start: 'ng serve' }, { 'angular.json': JSON.stringify({ projects }) }),
      ).kind;
    };
    expect(site({ builder: '@angular/build:application' })).toMatchObject({ site: 'dist/shop/browser' });
    const options = { outputPath: { base: 'www', browser: '' } };
    expect(site({ builder: '@angular-devkit/build-angular:application', options })).toMatchObject({ site: 'www' });
    const older = { builder: '@angular-devkit/build-angular:browser', options: { outputPath: 'dist/old' } };
    expect(site(older)).toMatchObject({ site: 'dist/old' });
    expect(site({ builder: '@angular/build:application', options: { ssr: true } })).toMatchObject({ site: undefined });
  });

  it('are none where a program serves', () => {
    const served: Files[] = [
      packaged('next', { ...build, start: 'next start' }),
      packaged('astro', build, { 'astro.config.mjs': "output: 'server'" }),
      packaged('@sveltejs/kit', build, { 'svelte.config.js': "from '@sveltejs/adapter-node'" }),
      packaged('vite', { ...build, start: 'node server.js' }),
    ];
    expect(served.map((files) => detect(files).kind)).toEqual(
      served.map(() => expect.objectContaining({ kind: 'node', site: undefined, build: 'npm run build' }) as unknown),
    );
  });
});

describe('pages that another program makes', () => {
  it.each<[string, Files, object, string[]]>([
    [
      'Hugo',
      { 'hugo.toml': '', 'go.mod': '', 'package.json': '{}' },
      { builder: 'hugo', output: 'public' },
      ['hugo --minify'],
    ],
    [
      'Hugo of old',
      { 'config.yaml': 'publishDir: docs', 'content/a.md': '', 'themes/x': '' },
      { builder: 'hugo', output: 'docs' },
      ['RUN hugo --minify'],
    ],
    [
      'Jekyll',
      { '_config.yml': 'destination: ./www\n', Gemfile: 'gem "jekyll"' },
      { builder: 'jekyll', output: 'www' },
      ['COPY Gemfile* ./\nRUN bundle install\nCOPY . .\nRUN JEKYLL_ENV=production bundle exec jekyll build\n'],
    ],
    [
      'Jekyll without gems',
      { '_config.yml': '', '_posts/x.md': '' },
      { builder: 'jekyll', output: '_site' },
      ['RUN gem install jekyll\nCOPY . .\nRUN JEKYLL_ENV=production jekyll build\n'],
    ],
    [
      'MkDocs',
      { 'mkdocs.yml': 'theme:\n  features: [a]\n  name: material\n', 'docs/index.md': '' },
      { builder: 'mkdocs', output: 'site' },
      ['RUN pip install --no-cache-dir mkdocs-material\n', 'RUN mkdocs build\n'],
    ],
    [
      'MkDocs with requirements',
      { 'mkdocs.yml': 'site_dir: www\n', 'requirements.txt': '' },
      { builder: 'mkdocs', output: 'www' },
      ['COPY requirements.txt requirements.txt\nRUN pip install --no-cache-dir -r requirements.txt mkdocs\n'],
    ],
  ])('are found: %s', (_name, files, kind, lines) => {
    const detected = detect(files);
    expect(detected).toMatchObject({ port: 80, kind: { kind: 'pages', ...kind } });
    const text = renderDockerfile(detected) ?? '';
    for (const line of lines) expect(text).toContain(line);
    const { output } = kind as { output: string };
    expect(text).toContain(`COPY --from=build /app/${output} /usr/share/nginx/html\n`);
    expect(renderDockerignore(detected).split('\n')).toContain(output);
  });

  it('are not what a program or a site of another kind is shipped as', () => {
    expect(detect({ 'mkdocs.yml': '', 'shop/app.py': '', 'requirements.txt': 'flask' }).kind.kind).toBe('python');
    expect(detect({ 'config.toml': '', 'go.mod': '' }).kind.kind).toBe('go');
    expect(detect({ '_config.yml': '', 'index.html': '' }).kind.kind).toBe('static');
  });
});
