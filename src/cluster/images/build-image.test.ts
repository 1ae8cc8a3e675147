import { describe, expect, it } from 'vitest';
import { baseImages } from './build-image.ts';
import { normaliseImageName } from './image-library.ts';

describe('a build', () => {
  it('knows the images it builds upon', () => {
    const dockerfile = `
      # FROM nothing
      FROM --platform=linux/amd64 golang:1.22 AS Build
      RUN go build
      FROM build as test
      from python-flask
      COPY --from=build /x /x
      FROM scratch
      FROM \${BASE}
    `;
    expect([...baseImages(dockerfile)]).toEqual([
      'docker.io/library/golang:1.22',
      'docker.io/library/python-flask:latest',
    ]);
  });

  it('names images as Docker does', () => {
    expect(normaliseImageName('hello')).toBe('docker.io/library/hello:latest');
    expect(normaliseImageName('user/web:2')).toBe('docker.io/user/web:2');
    expect(normaliseImageName('localhost/web')).toBe('localhost/web:latest');
    expect(normaliseImageName('registry.example:5000/team/web')).toBe('registry.example:5000/team/web:latest');
    expect(() => normaliseImageName('Not A Name')).toThrow('no image name');
  });
});
