import type { KubeObject } from '../../object.ts';
import type { MutatingWebhook, ValidatingWebhook } from '../../types/admissionregistration-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, invalidValue, notSupported, required } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';

/** Both webhook configurations: a list of webhooks under a name. */
export interface WebhookConfiguration<W extends ValidatingWebhook = ValidatingWebhook> extends KubeObject {
  webhooks?: W[];
}

/** Defaults that validating and mutating webhooks have in common. */
export function defaultWebhook(webhook: ValidatingWebhook | MutatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  for (const rule of webhook.rules ?? []) rule.scope ??= '*';
  if (webhook.clientConfig.service) webhook.clientConfig.service.port ??= 443;
}

export function validateWebhooks({ webhooks }: WebhookConfiguration): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  (webhooks ?? []).forEach((webhook, index) => {
    const path = `webhooks[${index}]`;
    causes.push(...validateWebhook(webhook, path));
    if (names.has(webhook.name)) causes.push(duplicate(`${path}.name`, webhook.name));
    names.add(webhook.name);
  });
  return causes;
}

function validateWebhook(webhook: ValidatingWebhook, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (webhook.name.split('.').length < 3) {
    const rule = 'should be a domain with at least three segments separated by dots';
    causes.push(invalidValue(`${path}.name`, webhook.name, rule));
  }
  if (!webhook.admissionReviewVersions?.length) {
    causes.push(required(`${path}.admissionReviewVersions`, 'must specify one of v1, v1beta1'));
  }
  if (webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun') {
    causes.push(notSupported(`${path}.sideEffects`, webhook.sideEffects ?? '', ['None', 'NoneOnDryRun']));
  }
  const timeout = webhook.timeoutSeconds;
  if (timeout !== undefined && (timeout < 1 || timeout > 30)) {
    causes.push(invalidValue(`${path}.timeoutSeconds`, timeout, 'the timeout value must be between 1 and 30 seconds'));
  }
  const { url, service } = webhook.clientConfig;
  if ((url === undefined) === (service === undefined)) {
    causes.push(required(`${path}.clientConfig`, 'exactly one of url or service is required'));
  }
  return causes;
}

export const webhookColumns = [
  nameColumn,
  column<WebhookConfiguration>('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, 'integer'),
  ageColumn,
] as const;
