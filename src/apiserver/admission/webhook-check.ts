import { invalidValue } from '../../api/field-errors.ts';
import { jsonEquals } from '../../api/plain-json.ts';
import { invalid } from '../../api/status.ts';
import type { MatchCondition, ValidatingWebhook } from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';

const plurals = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];

/** The part of a webhook configuration's validation that needs CEL: its match conditions must compile. */
export const webhookCheck: AdmissionPlugin = {
  name: 'WebhookConfigurationExpressions',
  handles: ({ kind, operation }) =>
    kind.group === 'admissionregistration.k8s.io' &&
    plurals.includes(kind.plural) &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  async validate({ kind, object, old, name }) {
    const webhooks = (object?.webhooks ?? []) as ValidatingWebhook[];
    if (old && jsonEquals(webhooks, old.webhooks)) return;
    if (!webhooks.some(({ matchConditions }) => matchConditions?.length)) return;
    const { admissionExpressionProblem } = await import('../../api/custom-resources/admission-expressions.ts');
    const causes = webhooks.flatMap(({ matchConditions = [] }, i) =>
      matchConditions.flatMap(({ expression }: MatchCondition, j) => {
        const problem = admissionExpressionProblem(expression, 'bool');
        return problem ? [invalidValue(`webhooks[${i}].matchConditions[${j}].expression`, expression, problem)] : [];
      }),
    );
    if (causes.length > 0) throw invalid(kind.group, kind.kind, name, causes);
  },
};
