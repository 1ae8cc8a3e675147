import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { goFunction, mergeFunctions, type FunctionMap } from '../template/function.ts';
import { Pause } from '../template/pause.ts';
import { kindOf, typeOf } from '../template/values.ts';
import { dateFunctions } from './dates.ts';
import { encodingFunctions } from './encoding.ts';
import { helmFunctions, type HelmOptions } from './helm.ts';
import { lazyFunctions } from './lazy.ts';
import { deepEqual, dictFunctions, isEmpty, listFunctions } from './lists.ts';
import { numberFunctions } from './numbers.ts';
import { pathFunctions } from './paths.ts';
import { randomFunctions } from './random.ts';
import { semverFunctions } from './semver.ts';
import { stringFunctions } from './strings.ts';
import { urlFunctions } from './urls.ts';

export interface FunctionOptions extends HelmOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Addresses of a host; `getHostByName` gives nothing when absent, as Helm does without `--enable-dns`. */
  readonly resolveHost?: (name: string) => Promise<readonly string[]>;
}

/**
 * All functions of Helm's templates: Sprig's without `env` and `expandenv`, and Helm's own. What is rarely used is loaded
 * when it is called: render within `settle` (pause.ts).
 */
export function chartFunctions(options: FunctionOptions): FunctionMap {
  const { clock, random } = options;
  return mergeFunctions(
    stringFunctions,
    listFunctions,
    dictFunctions,
    numberFunctions,
    flowFunctions,
    encodingFunctions,
    pathFunctions,
    semverFunctions,
    urlFunctions,
    randomFunctions(random),
    dateFunctions(clock),
    lazyFunctions(regexSignatures, async () => (await import('./regex.ts')).regexFunctions),
    quoteFunctions,
    lazyFunctions(tomlSignatures, async () => (await import('./toml-decode.ts')).tomlFunctions),
    lazyFunctions(passwordSignatures, async () => (await import('./passwords.ts')).passwordFunctions, passwordSteps),
    lazyFunctions(
      certificateSignatures,
      async () => (await import('./certificates.ts')).certificateFunctions(clock, random),
      keySteps,
    ),
    hostFunctions(options),
    helmFunctions(options),
  );
}

const quoteFunctions: FunctionMap = {
  regexQuoteMeta: goFunction(['string'], (text) => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')),
};

const nothing = (): undefined => undefined;
const pattern = goFunction(['string', 'string'], nothing);
const patternAndCount = goFunction(['string', 'string', 'int'], nothing);
const patternAndText = goFunction(['string', 'string', 'string'], nothing);

const regexSignatures: FunctionMap = {
  regexMatch: pattern,
  mustRegexMatch: pattern,
  regexFind: pattern,
  mustRegexFind: pattern,
  regexFindAll: patternAndCount,
  mustRegexFindAll: patternAndCount,
  regexReplaceAll: patternAndText,
  mustRegexReplaceAll: patternAndText,
  regexReplaceAllLiteral: patternAndText,
  mustRegexReplaceAllLiteral: patternAndText,
  regexSplit: patternAndCount,
  mustRegexSplit: patternAndCount,
};

const tomlSignatures: FunctionMap = { fromToml: goFunction(['string'], nothing) };

/** Hashing a password takes some 60 ms, generating a key up to a second: 250 and 100 of them use a budget up. */
const passwordSteps = 20_000;
const keySteps = 50_000;

const passwordSignatures: FunctionMap = {
  bcrypt: goFunction(['string'], nothing),
  htpasswd: goFunction(['string', 'string'], nothing),
  derivePassword: goFunction(['uint32', 'string', 'string', 'string', 'string'], nothing),
};

const certificateSignatures: FunctionMap = {
  genPrivateKey: goFunction(['string'], nothing),
  buildCustomCert: goFunction(['string', 'string'], nothing),
  genCA: goFunction(['string', 'int'], nothing),
  genCAWithKey: goFunction(['string', 'int', 'string'], nothing),
  genSelfSignedCert: goFunction(['string', 'list', 'list', 'int'], nothing),
  genSelfSignedCertWithKey: goFunction(['string', 'list', 'list', 'int', 'string'], nothing),
  genSignedCert: goFunction(['string', 'list', 'list', 'int', 'certificate'], nothing),
  genSignedCertWithKey: goFunction(['string', 'list', 'list', 'int', 'certificate', 'string'], nothing),
};

const flowFunctions: FunctionMap = {
  default: goFunction(['any', '...any'], (fallback, ...given) =>
    given.length === 0 || isEmpty(given[0]) ? fallback : given[0],
  ),
  empty: goFunction(['any'], isEmpty),
  coalesce: goFunction(['...any'], (...values) => values.find((value) => !isEmpty(value)) ?? null),
  all: goFunction(['...any'], (...values) => !values.some(isEmpty)),
  any: goFunction(['...any'], (...values) => values.some((value) => !isEmpty(value))),
  ternary: goFunction(['any', 'any', 'bool'], (yes, no, condition) => (condition ? yes : no)),
  typeOf: goFunction(['any'], typeOf),
  typeIs: goFunction(['string', 'any'], (name, value) => typeOf(value) === name),
  typeIsLike: goFunction(['string', 'any'], (name, value) => typeOf(value) === name || typeOf(value) === `*${name}`),
  kindOf: goFunction(['any'], kindOf),
  kindIs: goFunction(['string', 'any'], (name, value) => kindOf(value) === name),
  deepEqual: goFunction(['any', 'any'], (a, b) => deepEqual(a, b)),
};

function hostFunctions({ resolveHost, random }: FunctionOptions): FunctionMap {
  const known = new Map<string, readonly string[]>();
  const getHostByName = (name: string): string => {
    if (!resolveHost) return '';
    const addresses = known.get(name);
    if (addresses) return addresses[random.int(addresses.length)] ?? '';
    throw new Pause(async () => {
      known.set(name, await resolveHost(name).catch(() => []));
    });
  };
  return { getHostByName: goFunction(['string'], getHostByName) };
}
