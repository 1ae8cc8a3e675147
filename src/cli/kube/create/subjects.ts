import type { Subject } from '../../../api/types/rbac-v1.ts';
import { CliError } from '../../errors.ts';

export interface SubjectWords {
  user?: string[];
  group?: string[];
  /** `NAMESPACE:NAME` */
  serviceaccount?: string[];
}

/** Whom a binding is about, as flags say it. Throws CliError in kubectl's words. */
export function subjectsOf({ user = [], group = [], serviceaccount = [] }: SubjectWords): Subject[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  return [
    ...user.map((name) => ({ apiGroup, kind: 'User', name })),
    ...group.map((name) => ({ apiGroup, kind: 'Group', name })),
    ...serviceaccount.map((text) => {
      const [namespace, name, ...more] = text.split(':');
      if (!namespace || !name || more.length > 0) throw new CliError('serviceaccount must be <namespace>:<name>');
      return { kind: 'ServiceAccount', name, namespace };
    }),
  ];
}
