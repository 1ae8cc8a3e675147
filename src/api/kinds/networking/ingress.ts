import type { AnyObject } from '../../object.ts';
import type { KindVersion } from '../../kind.ts';
import type { Ingress } from '../../types/networking-v1.ts';
import { deprecated } from '../deprecation.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { fromV1beta1, toV1beta1 } from './ingress-conversion.ts';
import { validateIngress, validateIngressCreate, validateIngressStatus } from './ingress-validation.ts';
import { ingressClassAnnotation } from '../../well-known.ts';

export const ingress = defineKind<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  scope: 'Namespaced',
  status: true,
  otherVersions: [beta('networking.k8s.io', 19), beta('extensions', 14)],
  prepareForCreate: (object) => {
    object.status = { loadBalancer: {} };
  },
  validate: validateIngress,
  validateCreate: validateIngressCreate,
  validateUpdate: (object, old, subresource) => (subresource === 'status' ? validateIngressStatus(object, old) : []),
  warnings: ({ metadata, spec }, old) =>
    old === undefined &&
    metadata.annotations?.[ingressClassAnnotation] !== undefined &&
    spec?.ingressClassName === undefined
      ? [`annotation "${ingressClassAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
      : [],
  columns: [
    nameColumn,
    column('Class', ({ metadata, spec }) => {
      return spec?.ingressClassName ?? metadata.annotations?.[ingressClassAnnotation] ?? '<none>';
    }),
    column('Hosts', hosts),
    column('Address', address),
    column('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
    ageColumn,
  ],
});

function beta(group: string, since: number): KindVersion {
  return {
    group,
    version: 'v1beta1',
    type: schemaType(group, 'v1beta1', 'Ingress'),
    toStorage: (object: AnyObject) => fromV1beta1(object),
    fromStorage: (object: AnyObject) => toV1beta1(object),
    deprecation: deprecated(`${group}/v1beta1`, 'Ingress', { since, removed: 22, use: 'networking.k8s.io/v1 Ingress' }),
  };
}

const shownHosts = 3;

function hosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const named = rules.map(({ host }) => host ?? '').filter((host) => host !== '');
  if (named.length === 0) return '*';
  const shown = named.slice(0, shownHosts).join(',');
  return named.length >= shownHosts && rules.length > shownHosts
    ? `${shown} + ${rules.length - shownHosts} more...`
    : shown;
}

function address({ status }: Ingress): string {
  const points = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
  return [...new Set(points.filter((point) => point !== ''))].toSorted().join(',');
}
