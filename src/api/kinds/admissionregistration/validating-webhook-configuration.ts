import { defineKind } from '../define-kind.ts';
import { defaultWebhook, validateWebhooks, webhookColumns, type WebhookConfiguration } from './webhooks.ts';

export const validatingWebhookConfiguration = defineKind<WebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  categories: ['api-extensions'],
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  hasGeneration: true,
  defaults: ({ webhooks }) => webhooks?.forEach(defaultWebhook),
  validate: validateWebhooks,
  columns: webhookColumns,
});
