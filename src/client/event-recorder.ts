import type { KubeObject } from '../api/object.ts';

/**
 * Writes Events about objects; repeated ones are counted up instead of written again (as client-go's correlator does).
 */
export interface EventRecorder {
  /** Never throws and never waits: an event that cannot be written is logged and dropped. `fieldPath` names a
   * part of the object: `spec.containers{web}`. */
  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
}
