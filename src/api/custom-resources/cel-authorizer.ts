import type { Environment } from '@marcbachmann/cel-js/evaluator';

/** What an expression wants to know whether the user may do it; '' is what was not said. */
export interface AuthorizationQuestion {
  verb: string;
  /** For what is no resource; the other fields are '' then. */
  path: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** Ask for this account of `[namespace, name]` instead of the request's user. */
  serviceAccount?: readonly [string, string];
}

export interface AuthorizationAnswer {
  allowed: boolean;
  reason: string;
}

type Ask = (question: AuthorizationQuestion) => Promise<AuthorizationAnswer>;

const nothing: AuthorizationQuestion = {
  ...{ verb: '', path: '', group: '', resource: '', subresource: '', namespace: '', name: '' },
};

/** The variable `authorizer` of expressions. */
export class CelAuthorizer {
  readonly ask: Ask;
  readonly question: AuthorizationQuestion;
  /** What `authorizer.requestResource` is about. */
  readonly request: AuthorizationQuestion;

  constructor(ask: Ask, request: Partial<AuthorizationQuestion>, question: AuthorizationQuestion = nothing) {
    this.ask = ask;
    this.request = { ...nothing, ...request };
    this.question = question;
  }

  get requestResource(): CelCheck {
    return new CelCheck(this.ask, this.request);
  }
}

/** Narrowed to a path or resource. */
class CelCheck {
  readonly ask: Ask;
  readonly question: AuthorizationQuestion;

  constructor(ask: Ask, question: AuthorizationQuestion) {
    this.ask = ask;
    this.question = question;
  }

  with(more: Partial<AuthorizationQuestion>): CelCheck {
    return new CelCheck(this.ask, { ...this.question, ...more });
  }
}

class CelDecision {
  readonly answer: AuthorizationAnswer;

  constructor(answer: AuthorizationAnswer) {
    this.answer = answer;
  }
}

/**
 * The authorizer library of Kubernetes' CEL: `authorizer.group('').resource('pods').namespace('a').check('get').allowed()`
 * and `authorizer.requestResource.check('get').reason()`.
 */
export function registerAuthorizer(environment: Environment): void {
  environment
    .registerType('Authorizer', { ctor: CelAuthorizer, fields: { requestResource: 'dyn' } })
    .registerType('ResourceCheck', { ctor: CelCheck, fields: {} })
    .registerType('Decision', { ctor: CelDecision, fields: {} })
    .registerFunction('Authorizer.path(string): ResourceCheck', ({ ask, question }: CelAuthorizer, path: string) => {
      return new CelCheck(ask, { ...question, path });
    })
    .registerFunction('Authorizer.group(string): ResourceCheck', ({ ask, question }: CelAuthorizer, group: string) => {
      return new CelCheck(ask, { ...question, group });
    })
    .registerFunction(
      'Authorizer.serviceAccount(string, string): Authorizer',
      ({ ask, request, question }: CelAuthorizer, namespace: string, name: string) =>
        new CelAuthorizer(ask, request, { ...question, serviceAccount: [namespace, name] }),
    );
  for (const field of ['resource', 'subresource', 'namespace', 'name'] as const) {
    environment.registerFunction(`ResourceCheck.${field}(string): ResourceCheck`, (check: CelCheck, value: string) =>
      check.with({ [field]: value }),
    );
  }
  environment
    .registerFunction('ResourceCheck.check(string): Decision', async ({ ask, question }: CelCheck, verb: string) => {
      return new CelDecision(await ask({ ...question, verb }));
    })
    .registerFunction('Decision.allowed(): bool', ({ answer }: CelDecision) => answer.allowed)
    .registerFunction('Decision.reason(): string', ({ answer }: CelDecision) => answer.reason);
}
