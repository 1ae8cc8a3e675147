import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { diskFiles } from '../disk-files.ts';
import { loadProject } from '../load-project.ts';
import { findProject } from '../project-options.ts';
import { translate } from './translate.ts';

const examples = fileURLToPath(new URL('../../../../examples/compose', import.meta.url));
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !existsSync(join(examples, entry.name, 'Dockerfile')))
  .map(({ name }) => name);

describe('the example projects', () => {
  it('are at least twenty', () => {
    expect(names.length).toBeGreaterThanOrEqual(20);
  });

  it.each(names)('%s becomes objects without a warning', (name) => {
    const cwd = join(examples, name);
    const place = findProject({}, { files: diskFiles, cwd, processEnvironment: {} });
    const said: string[] = [];
    const { project, tree } = loadProject({
      sources: place.files.map((path) => ({ path })),
      directory: place.directory,
      environment: place.environment,
      profiles: [],
      files: diskFiles,
      workingDirectory: cwd,
      home: '/home/me',
      interpolate: true,
      resolvePaths: true,
      warn: (message) => said.push(message),
    });
    const { base, workloads, warnings } = translate(project, tree, { files: diskFiles });
    expect([...warnings, ...said.filter((message) => !message.includes('`version` is obsolete'))]).toEqual([]);
    expect(Object.keys(workloads)).toEqual(Object.keys(project.services));
    expect(base[0]).toMatchObject({ kind: 'Namespace' });
    // Every object has a name that an API server takes, and no two of a kind share one.
    const ids = [...base, ...Object.values(workloads)].map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(
      ids.filter((id, index) => ids.indexOf(id) !== index || !/^\w+\/[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(id)),
    ).toEqual([]);
  });
});
