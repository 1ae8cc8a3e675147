import { describe, expect, it } from 'vitest';
import { fillIn, withDefaultImage } from './variables.ts';

const image = { reference: 'localhost:5000/web:1', repository: 'localhost:5000/web', tag: '1' };
const variables = { images: { web: image }, commit: 'abc', environment: { TOKEN: 'hush' } };

describe('variables of a timonel.yaml', () => {
  it('are filled in wherever a text is', () => {
    const values = {
      image: '${images.web}',
      list: ['${images.web.repository}:${images.web.tag}'],
      n: 1,
      sha: '${commit}',
    };
    expect(fillIn({ ...values, t: '${env.TOKEN}', plain: '$${env.TOKEN}' }, variables, 'deploy.values')).toEqual({
      ...{ image: 'localhost:5000/web:1', list: ['localhost:5000/web:1'], n: 1, sha: 'abc', t: 'hush' },
      plain: '${env.TOKEN}',
    });
  });

  it('that mean nothing are told with their place', () => {
    expect(() => fillIn({ a: ['${images.wep}'] }, variables, 'deploy.values')).toThrow(
      'deploy.values.a[0]: ${images.wep} means nothing',
    );
    expect(() => fillIn('${env.NOPE}', variables, 'x')).toThrow('x: the environment has no NOPE');
    expect(() => fillIn('${images.constructor}', variables, 'x')).toThrow('means nothing');
  });
});

describe('the image of a chart', () => {
  it('is set where the chart has one and the user says nothing of it', () => {
    expect(withDefaultImage({}, { chartImage: 'a:0', image })).toEqual({ image: 'localhost:5000/web:1' });
    expect(withDefaultImage({}, { chartImage: { repository: 'a', tag: '' }, image })).toEqual({
      image: { repository: 'localhost:5000/web', tag: '1' },
    });
    expect(withDefaultImage({ image: 'mine' }, { chartImage: 'a:0', image })).toEqual({ image: 'mine' });
    expect(withDefaultImage({}, { chartImage: undefined, image })).toEqual({});
  });
});
