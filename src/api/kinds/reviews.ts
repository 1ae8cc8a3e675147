import type { ResourceKind } from '../kind.ts';
import { defineKind } from './define-kind.ts';

/** Kinds that are asked, not stored: a POST is a question and its answer the object with a status. */
export const reviewKinds: readonly ResourceKind[] = [
  review('authentication.k8s.io', 'TokenReview', 'tokenreviews'),
  review('authentication.k8s.io', 'SelfSubjectReview', 'selfsubjectreviews'),
  review('authorization.k8s.io', 'SubjectAccessReview', 'subjectaccessreviews'),
  review('authorization.k8s.io', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews'),
  review('authorization.k8s.io', 'SelfSubjectRulesReview', 'selfsubjectrulesreviews'),
  { ...review('authorization.k8s.io', 'LocalSubjectAccessReview', 'localsubjectaccessreviews'), scope: 'Namespaced' },
  { ...review('', 'Binding', 'bindings'), scope: 'Namespaced' },
];

function review(group: string, kind: string, plural: string): ResourceKind {
  return defineKind({ group, version: 'v1', kind, plural, scope: 'Cluster', verbs: ['create'] });
}
