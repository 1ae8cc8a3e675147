import { describe, expect, it } from 'vitest';
import { buildArguments } from './build-arguments.ts';

describe('build arguments', () => {
  it('are named on the command line, and have their values in the environment', () => {
    expect(buildArguments({ TOKEN: 'a b=c', EMPTY: '' }, { TOKEN: 'other' })).toEqual({
      flags: ['--build-arg', 'TOKEN', '--build-arg', 'EMPTY'],
      env: { TOKEN: 'a b=c', EMPTY: '' },
    });
  });

  it.each(['PATH', 'LD_PRELOAD', 'https_proxy', 'BUILDAH_ISOLATION', '_BUILDAH_X', 'DOCKER_HOST', 'no-variable'])(
    'leave the builder alone that goes by %s itself',
    (name) => {
      expect(buildArguments({ [name]: 'x' }, {})).toEqual({ flags: ['--build-arg', `${name}=x`], env: {} });
    },
  );

  it('are in the environment when the builder has the same value anyway', () => {
    const proxy = 'http://me:secret@proxy';
    expect(buildArguments({ HTTP_PROXY: proxy }, { HTTP_PROXY: proxy }).flags).toEqual(['--build-arg', 'HTTP_PROXY']);
  });
});
