import type { MutatingWebhook } from '../../types/admissionregistration-v1.ts';
import { defineKind } from '../define-kind.ts';
import { defaultWebhook, validateWebhooks, webhookColumns, type WebhookConfiguration } from './webhooks.ts';

export const mutatingWebhookConfiguration = defineKind<WebhookConfiguration<MutatingWebhook>>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  categories: ['api-extensions'],
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  hasGeneration: true,
  defaults: ({ webhooks }) => {
    for (const webhook of webhooks ?? []) {
      defaultWebhook(webhook);
      webhook.reinvocationPolicy ??= 'Never';
    }
  },
  validate: validateWebhooks,
  columns: webhookColumns,
});
