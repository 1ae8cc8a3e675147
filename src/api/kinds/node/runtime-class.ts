import type { StatusCause } from '../../types/meta-v1.ts';
import type { RuntimeClass } from '../../types/node-v1.ts';
import { invalidValue } from '../../field-errors.ts';
import { dnsLabel } from '../../names.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const runtimeClass = defineKind<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  validate: ({ handler }): StatusCause[] => dnsLabel(handler).map((text) => invalidValue('handler', handler, text)),
  validateUpdate: (object, old): StatusCause[] =>
    object.handler === old.handler ? [] : [invalidValue('handler', object.handler, 'field is immutable')],
  columns: [nameColumn, column('Handler', ({ handler }) => handler), ageColumn],
});
