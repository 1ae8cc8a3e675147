import { buildKeys, developKeys } from './build-keys.ts';
import type { KeyTable } from './effect.ts';
import { sectionKeys, topKeys } from './section-keys.ts';
import { deployKeys, serviceKeysFromO, serviceKeysToN } from './service-keys.ts';

/**
 * Every key of the Compose Specification and what becomes of it: what the translation refuses and warns of, and what
 * docs/compose.md says, comes from here. `*` is any name, `[]` any item.
 */
export const keyTable: KeyTable = {
  ...topKeys,
  ...serviceKeysToN,
  ...serviceKeysFromO,
  ...deployKeys,
  ...buildKeys,
  ...developKeys,
  ...sectionKeys,
};
