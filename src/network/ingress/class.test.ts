import { describe, expect, it } from 'vitest';
import { ingressOf } from '../../../test/support/ingress-objects.ts';
import type { IngressClass } from '../../api/types/networking-v1.ts';
import { ingressController, isOurs } from './class.ts';

const classes: Record<string, string> = { own: ingressController, other: 'example.com/controller' };
const classOf = (name: string): IngressClass | undefined => {
  const controller = classes[name];
  return controller === undefined ? undefined : { metadata: { name }, spec: { controller } };
};
const of = (ingressClassName?: string, annotation?: string): boolean => {
  const annotations: Record<string, string> =
    annotation === undefined ? {} : { 'kubernetes.io/ingress.class': annotation };
  const spec = { ...(ingressClassName !== undefined && { ingressClassName }) };
  return isOurs(ingressOf('i', spec, annotations), classOf);
};

describe('the class of an ingress', () => {
  it('is ours by its controller, whatever its name is, and nobody else is served', () => {
    expect([of('own'), of('other'), of('some-invalid-class-name'), of()]).toEqual([true, false, false, false]);
  });

  it('is named by the older annotation where the field is empty', () => {
    expect([of(undefined, 'own'), of(undefined, 'other'), of('other', 'own')]).toEqual([true, false, false]);
  });

  it('is ours as "nginx" until somebody claims that', () => {
    expect([of('nginx'), of(undefined, 'nginx')]).toEqual([true, true]);
    classes['nginx'] = 'k8s.io/ingress-nginx';
    expect([of('nginx'), of(undefined, 'nginx')]).toEqual([false, false]);
  });
});
