import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../../test/support/compose.ts';
import { findProject, givenName, type ProjectFlags } from './project-options.ts';

const files = memoryFiles({
  '/app/compose.yaml': '',
  '/app/deep/docker-compose.yml': '',
  '/app/deep/docker-compose.yaml': '',
  '/app/deep/compose.override.yml': '',
  '/app/deep/docker-compose.override.yml': '',
});

function found(cwd: string, flags: ProjectFlags = {}): { files: string[]; directory: string; warnings: string[] } {
  const place = findProject(flags, { files, cwd, processEnvironment: {} });
  return { files: place.files, directory: place.directory, warnings: place.warnings };
}

describe('a project', () => {
  it('is looked for from its directory upwards', () => {
    const above = { files: ['/app/compose.yaml'], directory: '/app', warnings: [] };
    expect(found('/app/other')).toEqual(above);
    expect(found('/', { projectDirectory: 'app' })).toEqual(above);
    expect(found('/', { projectDirectory: 'app/new' })).toEqual({ ...above, directory: '/app/new' });
    expect(() => found('/')).toThrow('no configuration file provided: not found');
  });

  it('tells which of several files it takes', () => {
    expect(found('/app/deep')).toEqual({
      files: ['/app/deep/docker-compose.yml', '/app/deep/compose.override.yml'],
      directory: '/app/deep',
      warnings: [
        'Found multiple config files with supported names: /app/deep/docker-compose.yml, /app/deep/docker-compose.yaml',
        'Using /app/deep/docker-compose.yml',
        'Found multiple override files with supported names: /app/deep/compose.override.yml, /app/deep/docker-compose.override.yml',
        'Using /app/deep/compose.override.yml',
      ],
    });
    expect(found('/app/deep', { file: ['/app/compose.yaml'] }).warnings).toEqual([]);
  });
});

describe('a project without files', () => {
  it.each([
    [{ projectName: 'flag' }, { COMPOSE_PROJECT_NAME: 'own' }, 'flag'],
    [{}, { COMPOSE_PROJECT_NAME: 'own' }, 'own'],
    [{}, { COMPOSE_PROJECT_NAME: '' }, undefined],
    [{}, {}, undefined],
  ])('is found by its name: %j, %j', (flags, environment, name) => {
    expect(givenName(flags, environment)).toBe(name);
  });
});
