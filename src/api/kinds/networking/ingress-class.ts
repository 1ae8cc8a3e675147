import type { IngressClass, IngressClassParametersReference } from '../../types/networking-v1.ts';
import { deprecated } from '../deprecation.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { immutable } from '../immutable.ts';
import { validateIngressClass } from './ingress-class-validation.ts';

export const ingressClass = defineKind<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  scope: 'Cluster',
  hasGeneration: true,
  otherVersions: [
    {
      group: 'networking.k8s.io',
      version: 'v1beta1',
      type: schemaType('networking.k8s.io', 'v1beta1', 'IngressClass'),
      deprecation: deprecated('networking.k8s.io/v1beta1', 'IngressClass', {
        since: 19,
        removed: 22,
        use: 'networking.k8s.io/v1 IngressClass',
      }),
    },
  ],
  defaults: ({ spec }) => {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
  },
  validate: validateIngressClass,
  validateUpdate: ({ spec }, old) => immutable('spec.controller', spec?.controller, old.spec?.controller),
  columns: [
    nameColumn,
    column('Controller', ({ spec }) => spec?.controller ?? ''),
    column('Parameters', ({ spec }) => formatParameters(spec?.parameters)),
    ageColumn,
  ],
});

function formatParameters(reference: (IngressClassParametersReference & { apiGroup?: string }) | undefined): string {
  if (!reference) return '<none>';
  const kind = reference.apiGroup ? `${reference.kind}.${reference.apiGroup}` : reference.kind;
  return `${kind}/${reference.name}`;
}
