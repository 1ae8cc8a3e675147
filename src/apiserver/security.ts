import { createPrivateKey } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Store } from '../store/store.ts';
import type { AdmissionPlugin } from './admission.ts';
import { defaultPlugins } from './admission/default-plugins.ts';
import { upstreamTolerationSeconds } from './admission/default-toleration-seconds.ts';
import type { TolerationSeconds } from './admission/default-toleration-seconds.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  flowSchemas,
  ingressClasses,
  limitRanges,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  namespaces,
  priorityClasses,
  priorityLevelConfigurations,
  resourceQuotas,
  roleBindings,
  roles,
  runtimeClasses,
  serviceAccounts,
  storageClasses,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
} from './admission/lookup.ts';
import { QuotaLedger } from './admission/quota-ledger.ts';
import { createStoreLookup } from './admission/store-lookup.ts';
import type { Authenticator } from './authentication.ts';
import { createAuthenticator } from './authentication/authenticator.ts';
import { createAuthenticationReviews, issuerDocuments } from './authentication/reviews.ts';
import { createServiceAccountAuthenticator } from './authentication/service-account-authenticator.ts';
import { createTokenRequestEndpoint } from './authentication/token-request.ts';
import { createTokenSigner } from './authentication/tokens.ts';
import type { Authorizer, Decision } from './authorization.ts';
import { startAggregator } from './authorization/aggregator.ts';
import { bootstrap } from './authorization/bootstrap.ts';
import { createNodeAuthorizer } from './authorization/node-authorizer.ts';
import { createRbac } from './authorization/rbac.ts';
import { createAuthorizationReviews } from './authorization/reviews.ts';
import type { Endpoint } from './endpoint.ts';
import { FlowControl } from './flow-control/flow-control.ts';
import type { ApiResponse } from './handler.ts';
import { startCheck } from './health.ts';
import type { HealthCheck } from './health.ts';
import { mutatingPolicies } from './policies/mutating-policies.ts';
import { validatingPolicies } from './policies/validating-policies.ts';
import { webhookAdmission } from './webhooks/webhook-admission.ts';
import { createWebhookClient } from './webhooks/webhook-client.ts';
import type { WebhookClient } from './webhooks/webhook-client.ts';

export interface SecurityOptions {
  store: Store;
  clock: Clock;
  random: Random;
  log: Logger;
  /** PEM of the private key that signs service-account tokens: P-256 or RSA. */
  serviceAccountKey: string;
  /** `iss` of tokens: `https://kubernetes.default.svc.cluster.local` */
  issuer: string;
  /** What tokens are for when their request does not say, and what a token must be for here; default: the issuer. */
  audiences?: readonly string[];
  /** Default: upstream's 300 s each. */
  defaultTolerationSeconds?: TolerationSeconds;
}

/** Who asks, what they may do, and what becomes of their writes: all that `createApiServer` takes. */
export interface Security {
  authenticators: Authenticator[];
  /** In order: system:masters, nodes, RBAC. */
  authorizers: Authorizer[];
  /** All authorizers as one. */
  authorize: Authorizer;
  admission: AdmissionPlugin[];
  /** Who has to wait for others. */
  flowControl: FlowControl;
  endpoints: Endpoint[];
  /** Calls webhooks, those that convert custom resources too. */
  webhooks: WebhookClient;
  /** Whether what this consists of is at work. */
  healthChecks: HealthCheck[];
  /** Documents outside /api and /apis, by path: the issuer's configuration and keys. Authorized like any other path. */
  documents: ReadonlyMap<string, () => ApiResponse>;
  /**
   * Writes what is missing of the system namespaces, default roles and bindings, and follows the store. Before
   * serving.
   */
  bootstrap(): Promise<void>;
  close(): void;
}

/** Members are beyond RBAC: a broken role must not lock everybody out. */
const masters = 'system:masters';

const allowMasters: Authorizer = ({ user }) =>
  user.groups.includes(masters) ? { kind: 'allow' } : { kind: 'noOpinion' };

export function createSecurity(options: SecurityOptions): Security {
  const { store, clock, random, log, issuer } = options;
  const { audiences = [issuer], defaultTolerationSeconds = upstreamTolerationSeconds } = options;
  const lookup = createStoreLookup(store, clock);
  const rbac = createRbac(lookup);
  const authorizers: Authorizer[] = [
    allowMasters,
    createNodeAuthorizer(lookup),
    (attributes) => rbac.authorize(attributes),
  ];
  const authorize = union(authorizers);

  const signer = createTokenSigner({ privateKey: createPrivateKey(options.serviceAccountKey), issuer });
  const tokens = createServiceAccountAuthenticator({ signer, lookup, clock });
  const ledger = new QuotaLedger({ store, lookup, clock, log });
  const webhookClient = createWebhookClient({ lookup, random, clock });
  const dynamic = { lookup, client: webhookClient, authorize, random, log };
  const admission = defaultPlugins({
    lookup,
    ledger,
    clock,
    random,
    rbac,
    authorize,
    tolerationSeconds: defaultTolerationSeconds,
    policies: { mutating: mutatingPolicies(dynamic), validating: validatingPolicies(dynamic) },
    webhooks: webhookAdmission(dynamic),
  });
  const aggregator = startAggregator({ store, lookup, log });
  let isWritten = false;
  const writes = (part: string): HealthCheck => startCheck(`poststarthook/${part}`, () => isWritten);
  return {
    authenticators: [createAuthenticator({ tokens, audiences, authorize })],
    authorizers,
    authorize,
    admission,
    flowControl: new FlowControl({ lookup, clock, log }),
    healthChecks: [
      { name: 'informer-sync', check: () => notSynced(lookup.unsynced()), readyOnly: true },
      ...['start-system-namespaces-controller', 'rbac/bootstrap-roles'].map(writes),
      ...['scheduling/bootstrap-system-priority-classes', 'priority-and-fairness-config-producer'].map(writes),
    ],
    endpoints: [
      ...createAuthenticationReviews({ tokens, audiences }),
      ...createAuthorizationReviews({ authorize, rbac }),
      createTokenRequestEndpoint({ signer, lookup, clock, random, audiences, admission }),
    ],
    webhooks: webhookClient,
    documents: issuerDocuments(signer),
    async bootstrap() {
      await bootstrap({ store, clock, random });
      isWritten = true;
      await lookup.follow(clusterRoles, clusterRoleBindings, roles, roleBindings, namespaces, serviceAccounts);
      await lookup.follow(priorityClasses, storageClasses, ingressClasses, runtimeClasses, limitRanges, resourceQuotas);
      await lookup.follow(flowSchemas, priorityLevelConfigurations);
      await lookup.follow(mutatingWebhookConfigurations, validatingWebhookConfigurations);
      await lookup.follow(mutatingAdmissionPolicies, mutatingAdmissionPolicyBindings);
      await lookup.follow(validatingAdmissionPolicies, validatingAdmissionPolicyBindings);
    },
    close() {
      aggregator.close();
      ledger.close();
      webhookClient.close();
      lookup.close();
    },
  };
}

function notSynced(prefixes: readonly string[]): string | undefined {
  return prefixes.length > 0 ? `${prefixes.length} informers not started yet: [${prefixes.join(' ')}]` : undefined;
}

/** The first that allows or denies decides; answers at once where all of them do. */
function union(authorizers: readonly Authorizer[]): Authorizer {
  const ask = (attributes: Parameters<Authorizer>[0], from: number, reasons: string[]): ReturnType<Authorizer> => {
    for (let i = from; i < authorizers.length; i++) {
      const decision = authorizers[i]?.(attributes);
      if (decision instanceof Promise) {
        return decision.then((settled) => conclude(settled, reasons) ?? ask(attributes, i + 1, reasons));
      }
      const concluded = decision && conclude(decision, reasons);
      if (concluded) return concluded;
    }
    const reason = reasons.join(', ');
    return { kind: 'noOpinion', ...(reason && { reason }) };
  };
  return (attributes) => ask(attributes, 0, []);
}

function conclude(decision: Decision, reasons: string[]): Decision | undefined {
  if (decision.kind !== 'noOpinion') return decision;
  if (decision.reason) reasons.push(decision.reason);
  return undefined;
}
