import type { AnyObject } from '../../object.ts';
import type { Deployment } from '../../types/apps-v1.ts';
import { fieldToAnnotation, oldVersion, selectorFromTemplate, takeAnnotation } from './old-versions.ts';
import { rollbackToAnnotation } from '../../well-known.ts';

/** No limit: what extensions/v1beta1 meant by an absent history limit and deadline. */
const unlimited = 2_147_483_647;

type OldSpec = Deployment['spec'] & { rollbackTo?: { revision?: number } };

function rollbackFieldToAnnotation(object: AnyObject): void {
  const spec = object.spec as OldSpec | undefined;
  if (!spec?.rollbackTo) return;
  fieldToAnnotation(object, String(spec.rollbackTo.revision ?? 0), rollbackToAnnotation);
  delete spec.rollbackTo;
}

function rollbackFromAnnotation(object: AnyObject): void {
  const value = takeAnnotation(object, rollbackToAnnotation);
  const spec = object.spec as OldSpec | undefined;
  const revision = Number(value);
  if (value === undefined || !spec || !Number.isInteger(revision)) return;
  spec.rollbackTo = revision === 0 ? {} : { revision };
}

function rolling(object: AnyObject, step: number): void {
  const spec = object.spec as Deployment['spec'];
  if (!spec) return;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type !== 'RollingUpdate') return;
  spec.strategy.rollingUpdate ??= {};
  spec.strategy.rollingUpdate.maxUnavailable ??= step;
  spec.strategy.rollingUpdate.maxSurge ??= step;
}

function limits(object: AnyObject, history: number, deadline?: number): void {
  const spec = object.spec as Deployment['spec'];
  if (!spec) return;
  spec.revisionHistoryLimit ??= history;
  if (deadline !== undefined) spec.progressDeadlineSeconds ??= deadline;
}

export const oldDeployments = [
  oldVersion('Deployment', 'apps/v1beta2'),
  oldVersion('Deployment', 'apps/v1beta1', {
    toStorage: (object) => {
      selectorFromTemplate(object);
      limits(object, 2);
      rollbackFieldToAnnotation(object);
    },
    fromStorage: rollbackFromAnnotation,
  }),
  oldVersion('Deployment', 'extensions/v1beta1', {
    toStorage: (object) => {
      selectorFromTemplate(object);
      rolling(object, 1);
      limits(object, unlimited, unlimited);
      rollbackFieldToAnnotation(object);
    },
    fromStorage: rollbackFromAnnotation,
  }),
];
