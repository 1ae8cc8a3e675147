import type { KubeObject } from '../../api/object.ts';
import { ApiError, invalid } from '../../api/status.ts';
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from '../../api/types/authorization-v1.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { Attributes, Authorizer } from '../authorization.ts';
import type { Endpoint } from '../endpoint.ts';
import type { User } from '../handler.ts';
import { created, readReview } from '../review-body.ts';
import type { Rbac } from './rbac.ts';
import { compact } from './rules.ts';

const group = 'authorization.k8s.io';
const apiVersion = `${group}/v1`;

/** The four reviews of authorization.k8s.io: created, answered, never stored. */
export function createAuthorizationReviews(options: { authorize: Authorizer; rbac: Rbac }): Endpoint[] {
  const { authorize, rbac } = options;
  const status = async (kind: string, spec: SubjectAccessReviewSpec, user: User): Promise<SubjectAccessReviewStatus> =>
    statusOf(await authorize(attributesOf(kind, spec, user)));
  return [
    endpoint('subjectaccessreviews', async ({ request }) => {
      const expected = { apiVersion, kind: 'SubjectAccessReview' };
      const review = await readReview<SubjectAccessReview>(request, expected);
      return { ...review, status: await status('SubjectAccessReview', review.spec, subjectOf(review.spec)) };
    }),
    endpoint('localsubjectaccessreviews', async ({ request, namespace }) => {
      const expected = { apiVersion, kind: 'LocalSubjectAccessReview' };
      const review = await readReview<LocalSubjectAccessReview>(request, expected);
      const named = review.spec.resourceAttributes?.namespace ?? '';
      if (named !== namespace) {
        const text = `spec.resourceAttributes.namespace must match namespace: ${namespace}`;
        throw ApiError.of('BadRequest', text);
      }
      return { ...review, status: await status('LocalSubjectAccessReview', review.spec, subjectOf(review.spec)) };
    }),
    endpoint('selfsubjectaccessreviews', async ({ request, user }) => {
      const expected = { apiVersion, kind: 'SelfSubjectAccessReview' };
      const review = await readReview<SelfSubjectAccessReview>(request, expected);
      return { ...review, status: await status('SelfSubjectAccessReview', review.spec, user) };
    }),
    endpoint('selfsubjectrulesreviews', async ({ request, user }) => {
      const expected = { apiVersion, kind: 'SelfSubjectRulesReview' };
      const review = await readReview<SelfSubjectRulesReview>(request, expected);
      const namespace = review.spec.namespace ?? '';
      if (namespace === '') throw ApiError.of('BadRequest', 'no namespace on request');
      return { ...review, status: rulesStatus(rbac.rulesFor(user, namespace), user) };
    }),
  ];
}

type Answer = (resolved: Parameters<Endpoint['handle']>[0]) => Promise<KubeObject>;

function endpoint(plural: string, answer: Answer): Endpoint {
  return {
    group,
    plural,
    subresource: '',
    handle: async (resolved) => created(resolved.request, await answer(resolved)),
  };
}

function subjectOf(spec: SubjectAccessReviewSpec): User {
  return {
    name: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid !== undefined && { uid: spec.uid }),
    ...(spec.extra && { extra: spec.extra }),
  };
}

function attributesOf(kind: string, spec: SubjectAccessReviewSpec, user: User): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  const wrong = (message: string, field: string): ApiError =>
    invalid(group, kind, '', [{ reason: 'FieldValueInvalid', message: `Invalid value: ${message}`, field }]);
  if (resource && path) {
    throw wrong('cannot be specified in combination with resourceAttributes', 'spec.nonResourceAttributes');
  }
  if (!resource && !path) {
    throw wrong(
      'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      'spec.resourceAttributes',
    );
  }
  if (user.name === '' && user.groups.length === 0)
    throw wrong('at least one of user or group must be specified', 'spec.user');
  if (path) return { kind: 'nonResource', user, verb: path.verb ?? '', path: path.path ?? '' };
  return {
    kind: 'resource',
    user,
    verb: resource?.verb ?? '',
    group: resource?.group ?? '',
    version: resource?.version ?? '',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource ?? '',
    namespace: resource?.namespace ?? '',
    name: resource?.name ?? '',
    ...(resource?.fieldSelector?.rawSelector && { fieldSelector: resource.fieldSelector.rawSelector }),
  };
}

function statusOf(decision: Awaited<ReturnType<Authorizer>>): SubjectAccessReviewStatus {
  if (decision.kind === 'allow') return { allowed: true };
  const reason = decision.reason;
  return { allowed: false, ...(decision.kind === 'deny' && { denied: true }), ...(reason && { reason }) };
}

function rulesStatus(held: readonly PolicyRule[], user: User): unknown {
  const everything: PolicyRule[] = user.groups.includes('system:masters')
    ? [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ]
    : [];
  const rules = compact([...everything, ...held]);
  return {
    resourceRules: rules.filter((rule) => rule.resources?.length),
    nonResourceRules: rules.filter((rule) => rule.nonResourceURLs?.length),
    incomplete: false,
  };
}
