import { formatLabelSelector } from '../../label-selector.ts';
import type { NetworkPolicy } from '../../types/networking-v1.ts';
import { deprecated } from '../deprecation.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { validateNetworkPolicy } from './network-policy-validation.ts';

export const networkPolicy = defineKind<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  scope: 'Namespaced',
  hasGeneration: true,
  otherVersions: [
    {
      group: 'extensions',
      version: 'v1beta1',
      type: schemaType('extensions', 'v1beta1', 'NetworkPolicy'),
      deprecation: deprecated('extensions/v1beta1', 'NetworkPolicy', {
        since: 9,
        removed: 16,
        use: 'networking.k8s.io/v1 NetworkPolicy',
      }),
    },
  ],
  defaults,
  validate: validateNetworkPolicy,
  columns: [nameColumn, column('Pod-Selector', ({ spec }) => formatLabelSelector(spec?.podSelector ?? {})), ageColumn],
});

function defaults({ spec }: NetworkPolicy): void {
  if (!spec) return;
  spec.podSelector ??= {};
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
  }
}
