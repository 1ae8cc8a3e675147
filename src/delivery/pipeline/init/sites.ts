import type { ProjectFiles } from './detect.ts';

/** What a site's pages are made by, and the directory that they are then in. */
interface NodeSite {
  builder: string;
  output: string;
  /** The command that makes them. */
  build: string;
}

/** `package.json`, what matters of it. */
export interface PackageFile {
  scripts?: Record<string, string>;
  main?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

interface Builder {
  /** Of its package. */
  name: string;
  /** Where pages are put; undefined where this project has a server instead. */
  output: (files: ProjectFiles, scripts: Readonly<Record<string, string>>) => string | undefined;
  /** A script that is called otherwise than `build`. */
  script?: RegExp;
  /** Where no script builds. */
  command?: string;
}

const eleventyBuild = /^(?:npx )?(?:@11ty\/)?eleventy(?!.*--(?:serve|watch))/;

/** The first that a project needs: what builds on Vite comes before Vite. */
const builders: readonly Builder[] = [
  { name: 'astro', output: astroOutput },
  { name: 'gatsby', output: () => 'public' },
  { name: '@docusaurus/core', output: () => 'build' },
  { name: '@angular/core', output: angularOutput },
  { name: 'next', output: nextOutput },
  { name: 'vitepress', output: vitepressOutput, script: /\bvitepress build\b/ },
  { name: '@11ty/eleventy', output: eleventyOutput, script: eleventyBuild, command: 'npx @11ty/eleventy' },
  // Pages by one of its adapters, a server by the others.
  { name: '@sveltejs/kit', output: svelteOutput },
  { name: 'react-scripts', output: () => 'build' },
  { name: 'vite', output: (files) => setting(files, configs('vite.config'), 'outDir') ?? 'dist' },
];

/** Starts what only its developer looks at. */
const devServer = new RegExp(
  '^(?:npx )?(?:react-scripts start|gatsby (?:develop|serve)|docusaurus (?:start|serve)|ng serve' +
    '|astro (?:dev|preview)|vite|vitepress (?:dev|preview|serve)|(?:@11ty/)?eleventy|next|npm run (?:dev|develop|serve))(?: .*)?$',
);

/** The site that a package makes; undefined for one that serves by a program of its own. Pure. */
export function nodeSite(files: ProjectFiles, given: PackageFile): NodeSite | undefined {
  const { scripts = {} } = given;
  const needs = { ...given.dependencies, ...given.devDependencies };
  const builder = builders.find(({ name }) => Object.hasOwn(needs, name));
  if (!builder || (scripts['start'] !== undefined && !devServer.test(scripts['start'].trim()))) return undefined;
  const output = builder.output(files, scripts);
  const own = builder.script && Object.keys(scripts).find((key) => builder.script?.test(scripts[key] ?? ''));
  const script = scripts['build'] === undefined ? own : 'build';
  const build = script === undefined ? builder.command : `npm run ${script}`;
  return output === undefined || build === undefined ? undefined : { builder: builder.name, output, build };
}

function configs(name: string): string[] {
  return ['ts', 'mts', 'js', 'mjs', 'cjs'].map((extension) => `${name}.${extension}`);
}

function textOf({ read }: ProjectFiles, names: readonly string[]): string {
  return names.map((name) => read(name) ?? '').join('\n');
}

/** A string that a configuration in JavaScript gives to a key, as a path within the project. */
function setting(files: ProjectFiles, names: readonly string[], key: string): string | undefined {
  return within(new RegExp(`\\b${key}\\s*:\\s*["'\`]([^"'\`$]+)["'\`]`).exec(textOf(files, names))?.[1]);
}

/** Undefined for what leads out of it. */
function within(path: string | undefined): string | undefined {
  const plain = path?.replace(/^(?:\.\/)+|\/+$/g, '');
  return plain === '' || plain === undefined || /^\/|(?:^|\/)\.\.(?:\/|$)|\s/.test(plain) ? undefined : plain;
}

function astroOutput(files: ProjectFiles): string | undefined {
  const names = configs('astro.config');
  if (/\boutput\s*:\s*["'](?:server|hybrid)["']/.test(textOf(files, names))) return undefined;
  return setting(files, names, 'outDir') ?? 'dist';
}

function nextOutput(files: ProjectFiles): string | undefined {
  const names = configs('next.config');
  if (!/\boutput\s*:\s*["']export["']/.test(textOf(files, names))) return undefined;
  return setting(files, names, 'distDir') ?? 'out';
}

function svelteOutput(files: ProjectFiles): string | undefined {
  const names = configs('svelte.config');
  if (!textOf(files, names).includes('@sveltejs/adapter-static')) return undefined;
  return setting(files, names, 'pages') ?? 'build';
}

/** Beside its sources: `vitepress build docs` puts them to docs/.vitepress/dist. */
function vitepressOutput(_files: ProjectFiles, scripts: Readonly<Record<string, string>>): string {
  const script = Object.values(scripts).find((text) => /\bvitepress build\b/.test(text)) ?? '';
  const root = within(/\bvitepress build\s+([^-\s&;|][^\s&;|]*)/.exec(script)?.[1]);
  return `${root === undefined ? '' : `${root}/`}.vitepress/dist`;
}

function eleventyOutput(files: ProjectFiles, scripts: Readonly<Record<string, string>>): string {
  const flag = /\beleventy\b.*\s--output[= ](\S+)/.exec(Object.values(scripts).join('\n'))?.[1];
  const names = [...configs('eleventy.config'), '.eleventy.js'];
  return within(flag) ?? setting(files, names, 'output') ?? '_site';
}

interface AngularFile {
  defaultProject?: string;
  projects?: Record<string, AngularProject>;
}

interface AngularProject {
  projectType?: string;
  architect?: {
    build?: {
      builder?: string;
      options?: { outputPath?: string | { base?: string; browser?: string }; ssr?: unknown };
    };
  };
}

/** Since Angular 17 the builder `application` puts the pages to `browser` below its directory. */
function angularOutput({ read }: ProjectFiles): string | undefined {
  const { projects = {}, defaultProject } = parsed(read('angular.json') ?? '') as AngularFile;
  const applications = Object.keys(projects).filter((key) => projects[key]?.projectType !== 'library');
  const name = defaultProject ?? applications[0];
  if (name === undefined) return undefined;
  const { builder = '', options = {} } = projects[name]?.architect?.build ?? {};
  if (options.ssr) return undefined;
  const { outputPath = `dist/${name}` } = options;
  const { base = `dist/${name}`, browser = 'browser' } =
    typeof outputPath === 'string' ? { base: outputPath } : outputPath;
  return within(builder.endsWith(':application') && browser !== '' ? `${base}/${browser}` : base);
}

/** Of JSON; {} for what is none. */
export function parsed(text: string): object {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}

/** Pages that a program of another language than JavaScript makes. */
export interface Pages {
  kind: 'pages';
  builder: 'hugo' | 'jekyll' | 'mkdocs';
  /** The directory that they are then in. */
  output: string;
  /** File of what the builder needs beside itself, where there is one. */
  needs: string | undefined;
  /** Packages to install where no file names them. */
  packages: readonly string[];
}

/** Pure. */
export function pagesOf(files: ProjectFiles): Pages | undefined {
  return hugo(files) ?? jekyll(files) ?? mkdocs(files);
}

/** Hugo's documentation, "Configuration": `hugo.*`, and `config.*` as it was called before. */
function hugo(files: ProjectFiles): Pages | undefined {
  const { names } = files;
  const of = (name: string): string[] => ['toml', 'yaml', 'yml', 'json'].map((extension) => `${name}.${extension}`);
  const isOld = names.has('content') && ['themes', 'archetypes', 'layouts'].some((name) => names.has(name));
  const found = [...of('hugo'), ...(isOld ? of('config') : [])].find((name) => names.has(name));
  if (found === undefined) return undefined;
  const output = /^\s*"?publishdir"?\s*[:=]\s*["']?([^"'\s#,]+)/im.exec(files.read(found) ?? '')?.[1];
  return { kind: 'pages', builder: 'hugo', output: within(output) ?? 'public', needs: undefined, packages: [] };
}

function jekyll({ names, read }: ProjectFiles): Pages | undefined {
  const config = ['_config.yml', '_config.yaml'].find((name) => names.has(name));
  const gems = read('Gemfile');
  const isJekyll =
    gems === undefined ? names.has('_posts') || names.has('_layouts') : /\b(?:jekyll|github-pages)\b/.test(gems);
  if (config === undefined || !isJekyll) return undefined;
  const output = /^destination:\s*["']?([^"'\s#]+)/m.exec(read(config) ?? '')?.[1];
  return {
    ...{ kind: 'pages', builder: 'jekyll', output: within(output) ?? '_site' },
    ...{ needs: gems === undefined ? undefined : 'Gemfile', packages: gems === undefined ? ['jekyll'] : [] },
  };
}

/** Of a project that is nothing but its documentation: beside sources, these are what is shipped. */
function mkdocs({ names, read }: ProjectFiles): Pages | undefined {
  const config = ['mkdocs.yml', 'mkdocs.yaml'].find((name) => names.has(name));
  const hasSources = [...names].some((name) => /^(?:[a-z_]\w*\/)?[a-z_]\w*\.(?:py|go)$/i.test(name));
  if (config === undefined || hasSources) return undefined;
  const text = read(config) ?? '';
  const output = /^site_dir:\s*["']?([^"'\s#]+)/m.exec(text)?.[1];
  const needs = ['requirements.txt', 'docs/requirements.txt'].find((name) => names.has(name));
  const isMaterial = /^theme:(?:\s*["']?material\b|(?:\n[ ]+.*)*?\n[ ]+name:\s*["']?material\b)/m.test(text);
  return {
    ...{ kind: 'pages', builder: 'mkdocs', output: within(output) ?? 'site', needs },
    packages: [isMaterial ? 'mkdocs-material' : 'mkdocs'],
  };
}
