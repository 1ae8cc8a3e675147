import type { LimitRange, LimitRangeItem } from '../../types/core-v1.ts';
import { plainColumns } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const limitRange = defineKind<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  scope: 'Namespaced',
  allowCreateOnUpdate: true,
  defaults: ({ spec }) => {
    for (const limit of spec?.limits ?? []) if (limit.type === 'Container') defaultLimit(limit);
  },
  columns: plainColumns,
});

/** The default limit is the most that is allowed; the default request is the default limit, else the least allowed. */
function defaultLimit(limit: LimitRangeItem): void {
  limit.default = { ...limit.max, ...limit.default };
  limit.defaultRequest = { ...limit.min, ...limit.default, ...limit.defaultRequest };
  if (Object.keys(limit.default).length === 0) delete limit.default;
  if (Object.keys(limit.defaultRequest).length === 0) delete limit.defaultRequest;
}
