import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';

type Kind = 'Normal' | 'Warning';

/** Tells of claims and volumes, whose kind objects from a list may lack. */
export class VolumeEvents {
  readonly #recorder: EventRecorder;

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  claim({ metadata }: PersistentVolumeClaim, type: Kind, reason: string, message: string): void {
    const subject = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata };
    this.#recorder.record(subject, type, reason, message);
  }

  volume({ metadata }: PersistentVolume, type: Kind, reason: string, message: string): void {
    this.#recorder.record({ apiVersion: 'v1', kind: 'PersistentVolume', metadata }, type, reason, message);
  }
}
