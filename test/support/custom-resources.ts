import type { CustomResourceDefinition, JSONSchemaProps } from '../../src/api/types/apiextensions-v1.ts';

const status: JSONSchemaProps = {
  type: 'object',
  properties: { replicas: { type: 'integer' }, labelSelector: { type: 'string' } },
};

/** A schema with something of everything. */
const spec: JSONSchemaProps = {
  type: 'object',
  required: ['cronSpec'],
  properties: {
    cronSpec: { type: 'string', description: 'When it runs.' },
    replicas: { type: 'integer', default: 1, minimum: 0, maximum: 10 },
    minReplicas: { type: 'integer' },
    mode: { type: 'string', enum: ['fast', 'slow'] },
    image: {
      type: 'string',
      pattern: '^[a-z]+$',
      'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'image is immutable' }],
    },
    port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    steps: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, run: { type: 'string', default: 'true' } },
      },
    },
    template: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
  },
  'x-kubernetes-validations': [
    {
      rule: '!has(self.minReplicas) || self.minReplicas <= self.replicas',
      message: 'minReplicas is over replicas',
    },
  ],
};

/** The definition of the documentation's example, with status, scale, columns, rules and an older version. */
export function cronTabDefinition(
  changes: { plural?: string; kind?: string; scope?: 'Namespaced' | 'Cluster' } = {},
): CustomResourceDefinition & { metadata: { name: string } } {
  const { plural = 'crontabs', kind = 'CronTab', scope = 'Namespaced' } = changes;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.stable.example.com` },
    spec: {
      group: 'stable.example.com',
      scope,
      names: { plural, kind, ...(plural === 'crontabs' && { shortNames: ['ct'], categories: ['all'] }) },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.labelSelector',
            },
          },
          additionalPrinterColumns: [
            { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
            { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          selectableFields: [{ jsonPath: '.spec.mode' }],
        },
        {
          name: 'v1beta1',
          served: true,
          storage: false,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { cronSpec: { type: 'string' } } } },
            },
          },
        },
      ],
    },
  };
}
