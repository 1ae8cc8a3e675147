import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../api/object.ts';
import { replaceImages } from './replace-images.ts';

const image = { reference: 'localhost:5000/team/web:3f', repository: 'localhost:5000/team/web', tag: '3f' };
const imagesAfter = (images: string[]): unknown => {
  const containers = images.map((each) => ({ name: 'c', image: each }));
  const object = { metadata: { name: 'x' }, spec: { template: { spec: { containers, initContainers: containers } } } };
  const [made] = replaceImages([object], [{ repository: 'team/web', image }]) as [AnyObject & typeof object];
  expect(made.spec.template.spec.initContainers).toEqual(made.spec.template.spec.containers);
  return made.spec.template.spec.containers.map((container) => container.image);
};

describe('images of manifests', () => {
  it('become what was built, whatever registry and tag they name', () => {
    const all = ['team/web', 'team/web:1', 'ghcr.io/team/web:1', 'localhost:5000/team/web@sha256:00'];
    expect(imagesAfter(all)).toEqual(all.map(() => image.reference));
  });

  it('stay when they are others', () => {
    const others = ['web', 'team/web2', 'other/team/web', 'nginx:1.27'];
    expect(imagesAfter(others)).toEqual(others);
  });
});
