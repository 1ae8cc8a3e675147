import { labelSelectorOf } from '../../../api/label-selector.ts';
import type { LabelSelector } from '../../../api/types/meta-v1.ts';
import { parseQuantity } from '../../../api/quantity.ts';
import { namespaces, podDisruptionBudgets, resourceQuotas, serviceAccounts } from '../../../client/resources.ts';
import { CliError } from '../../errors.ts';
import { make, type MakeFlags, nameOf } from './make.ts';

export async function createNamespace(words: readonly string[], flags: MakeFlags): Promise<void> {
  const name = nameOf(words, 'namespace');
  await make(flags, namespaces, { metadata: { name }, spec: {}, status: {} });
}

export async function createServiceAccount(words: readonly string[], flags: MakeFlags): Promise<void> {
  await make(flags, serviceAccounts, { metadata: { name: nameOf(words, 'serviceaccount') } });
}

export interface QuotaFlags extends MakeFlags {
  /** `cpu=1,pods=3` */
  hard?: string;
  scopes?: string;
}

export async function createQuota(words: readonly string[], flags: QuotaFlags): Promise<void> {
  const name = nameOf(words, 'quota');
  const hard = flags.hard ? amountsOf(flags.hard) : undefined;
  const spec = { ...(hard && { hard }), ...(flags.scopes && { scopes: flags.scopes.split(',') }) };
  await make(flags, resourceQuotas, { metadata: { name }, spec, status: {} });
}

function amountsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [name = '', amount, ...more] = pair.split('=');
      if (!name || amount === undefined || more.length > 0)
        throw new CliError(`Invalid argument syntax ${pair}, expected <resource>=<value>`);
      if (!parseQuantity(amount)) {
        throw new CliError(
          "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        );
      }
      return [name, amount];
    }),
  );
}

export interface PriorityClassFlags extends MakeFlags {
  value: string;
  description?: string;
  globalDefault?: boolean;
  preemptionPolicy: string;
}

export async function createPriorityClass(words: readonly string[], flags: PriorityClassFlags): Promise<void> {
  const name = nameOf(words, 'priorityclass');
  const { value, description, globalDefault, preemptionPolicy } = flags;
  if (!/^[+-]?\d+$/.test(value)) {
    throw new CliError(
      `invalid argument "${value}" for "--value" flag: strconv.ParseInt: parsing "${value}": invalid syntax`,
      {
        hint: "See 'timonel create priorityclass --help' for usage.",
      },
    );
  }
  const resource = {
    ...{ group: 'scheduling.k8s.io', version: 'v1', plural: 'priorityclasses', kind: 'PriorityClass' },
    namespaced: false,
  };
  await make(flags, resource, {
    metadata: { name },
    ...(description && { description }),
    ...(globalDefault && { globalDefault }),
    ...{ preemptionPolicy, value: Number(value) },
  });
}

export interface BudgetFlags extends MakeFlags {
  selector?: string;
  minAvailable?: string;
  maxUnavailable?: string;
}

export async function createDisruptionBudget(words: readonly string[], flags: BudgetFlags): Promise<void> {
  const name = nameOf(words, 'poddisruptionbudget');
  const { selector, minAvailable, maxUnavailable } = flags;
  if (!selector) throw new CliError('a selector must be specified');
  if (!minAvailable && !maxUnavailable) throw new CliError('one of min-available or max-unavailable must be specified');
  if (minAvailable && maxUnavailable) throw new CliError('min-available and max-unavailable cannot be both specified');
  const spec = {
    ...(minAvailable && { minAvailable: countOrShare('min-available', minAvailable) }),
    ...(maxUnavailable && { maxUnavailable: countOrShare('max-unavailable', maxUnavailable) }),
    selector: selectorOf(selector),
  };
  const status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  await make(flags, podDisruptionBudgets, { metadata: { name }, spec, status });
}

function selectorOf(text: string): LabelSelector {
  try {
    return labelSelectorOf(text);
  } catch (error) {
    throw new CliError((error as Error).message, { cause: error });
  }
}

function countOrShare(flag: string, text: string): number | string {
  if (/^\d+$/.test(text)) return Number(text);
  if (/^\d+%$/.test(text)) return text;
  throw new CliError(`invalid format specified for ${flag}`);
}
