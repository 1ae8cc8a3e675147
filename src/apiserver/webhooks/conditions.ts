import type { MatchCondition } from '../../api/types/admissionregistration-v1.ts';
import type { AuthorizationAnswer, AuthorizationQuestion } from '../../api/custom-resources/cel-authorizer.ts';
import type { AdmissionVariables } from '../../api/custom-resources/admission-expressions.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Attributes, Authorizer } from '../authorization.ts';

/** True when all of them hold. Rejects for one that cannot be evaluated, unless another is false anyway. */
export async function conditionsHold(
  conditions: readonly MatchCondition[],
  variables: AdmissionVariables,
): Promise<boolean> {
  // What CEL needs is loaded when the first expression comes, not when the server starts.
  const { evaluateAdmission } = await import('../../api/custom-resources/admission-expressions.ts');
  const failures: string[] = [];
  for (const { name, expression } of conditions) {
    try {
      if ((await evaluateAdmission(expression, variables)) !== true) return false;
    } catch (error) {
      failures.push(`matchCondition ${JSON.stringify(name)}: ${(error as Error).message}`);
    }
  }
  if (failures.length > 0) throw new Error(failures.join(', '));
  return true;
}

/** The variable `authorizer`, for the user of a request. */
export async function authorizerVariable(authorize: Authorizer, request: AdmissionRequest): Promise<unknown> {
  const { CelAuthorizer } = await import('../../api/custom-resources/cel-authorizer.ts');
  const { kind, subresource, namespace, name } = request;
  const own = { group: kind.group, resource: kind.plural, subresource, namespace, name };
  return new CelAuthorizer((question) => answer(authorize, request, question), own);
}

async function answer(
  authorize: Authorizer,
  { user: requester, versions }: AdmissionRequest,
  { verb, path, serviceAccount, ...resource }: AuthorizationQuestion,
): Promise<AuthorizationAnswer> {
  const user = serviceAccount
    ? {
        name: `system:serviceaccount:${serviceAccount.join(':')}`,
        groups: ['system:serviceaccounts', `system:serviceaccounts:${serviceAccount[0]}`, 'system:authenticated'],
      }
    : requester;
  const version = versions?.served.version.version ?? '*';
  const attributes: Attributes =
    path === '' ? { kind: 'resource', user, verb, version, ...resource } : { kind: 'nonResource', user, verb, path };
  const decision = await authorize(attributes);
  return decision.kind === 'allow' ? { allowed: true, reason: '' } : { allowed: false, reason: decision.reason ?? '' };
}
