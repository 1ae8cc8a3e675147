import { Environment } from '@marcbachmann/cel-js';
import { apiVersionOf, parseApiVersion } from '../object.ts';
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
} from '../types/admissionregistration-v1.ts';
import { furnishTyped } from './admission-expressions.ts';
import { celProblem } from './cel-problem.ts';
import { hasFunction } from './cel-programs.ts';
import { CelTypes } from './cel-types.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** More types than this are not looked at. */
const maxTypes = 10;

/** A kind that the cluster serves; `schema` is a custom resource's. */
export interface ServedType {
  group: string;
  version: string;
  kind: string;
  plural: string;
  /** The generated schema's type, or any unique name with `schema`. */
  type: string;
  schema?: StructuralSchema;
}

/**
 * Which of a policy's validations cannot work for the objects that it is for: expressions are checked once for each
 * kind that its rules name, with what is known of the kind's fields (KEP-3488, "Type Checking"). What it warns of is
 * tried all the same when an object comes.
 */
export function checkPolicyTypes(
  policy: ValidatingAdmissionPolicy,
  served: readonly ServedType[],
): ExpressionWarning[] {
  const { validations = [], variables = [], paramKind, matchConstraints } = policy.spec ?? {};
  const params = paramKind && served.find((type) => isKind(type, paramKind));
  const environments = typesToCheck(matchConstraints?.resourceRules ?? [], served).map((type) => ({
    type,
    environment: environmentFor(type, { params, variables }),
  }));
  const check = (fieldRef: string, expression: string): ExpressionWarning[] => {
    const problems = environments.flatMap(({ type: { group, version, kind }, environment }) => {
      const { valid, error } = environment.check(expression);
      const name = `${group}/${version}, Kind=${kind}`;
      return valid
        ? []
        : [
            `${name}: ${celProblem(expression, error, { hasFunction: (called) => hasFunction(environment, called) })}\n`,
          ];
    });
    return problems.length === 0 ? [] : [{ fieldRef, warning: problems.join('\n') }];
  };
  return validations.flatMap(({ expression, messageExpression = '' }, i) => [
    ...check(`spec.validations[${i}].expression`, expression),
    ...(messageExpression === '' ? [] : check(`spec.validations[${i}].messageExpression`, messageExpression)),
  ]);
}

function isKind(type: ServedType, { apiVersion = '', kind }: { apiVersion?: string; kind?: string }): boolean {
  const { group, version } = parseApiVersion(apiVersion);
  return type.group === group && type.version === version && type.kind === kind;
}

/** The kinds that rules name one by one; a wildcard for groups or versions names none. In the order of their names. */
function typesToCheck(rules: readonly NamedRuleWithOperations[], served: readonly ServedType[]): ServedType[] {
  const named = rules.flatMap(({ apiGroups = [], apiVersions = [], resources = [] }) => {
    if ([...apiGroups, ...apiVersions].some((each) => each.includes('*'))) return [];
    return served.filter(
      ({ group, version, plural }) =>
        apiGroups.includes(group) && apiVersions.includes(version) && resources.includes(plural),
    );
  });
  const key = ({ group, version, kind }: ServedType): string => `${apiVersionOf(group, version)} ${kind}`;
  return [...new Set(named)].toSorted((a, b) => (key(a) < key(b) ? -1 : 1)).slice(0, maxTypes);
}

function environmentFor(
  object: ServedType,
  { params, variables }: { params: ServedType | undefined; variables: readonly { name: string; expression: string }[] },
): Environment {
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  const types = new CelTypes(environment);
  const declare = ({ type, schema }: ServedType): string => (schema ? types.custom(type, schema) : types.builtIn(type));
  const objectType = declare(object);
  furnishTyped(environment, { object: objectType, oldObject: objectType, params: params ? declare(params) : 'dyn' });
  return withVariables(environment, variables);
}

/** Each variable has the type that its expression comes to, and is known to those after it. */
function withVariables(
  environment: Environment,
  variables: readonly { name: string; expression: string }[],
): Environment {
  const typed: Record<string, string> = {};
  let current = environment;
  for (const [i, { name, expression }] of variables.entries()) {
    const { valid, type } = current.check(expression);
    typed[name] = valid && type !== undefined ? type : 'dyn';
    const next = environment.clone();
    const variablesType = new CelTypes(next).declare(`Variables${i}`, typed);
    current = next.registerVariable('variables', variablesType);
  }
  return variables.length > 0 ? current : environment.clone().registerVariable('variables', 'dyn');
}
