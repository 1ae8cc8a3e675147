import { isApiError } from '../api/status.ts';
import type { Pod, PodCondition } from '../api/types/core-v1.ts';
import { type Clock, formatTime } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import { pods } from '../client/resources.ts';

export interface VerdictOptions {
  client: Client;
  recorder: EventRecorder;
  clock: Clock;
}

/** The longest note an event may have. */
const maxNoteLength = 1024;
const cutMark = ' ...';

/** Tells the world what became of pods: events, the PodScheduled condition, the nominated node, evictions. */
export class Verdicts {
  readonly #options: VerdictOptions;

  constructor(options: VerdictOptions) {
    this.#options = options;
  }

  scheduled(pod: Pod, nodeName: string): void {
    const { name, namespace } = pod.metadata;
    this.#record(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`);
  }

  /** `nominatedNode`: undefined leaves it as it is, '' clears it. Rejects when the status cannot be written. */
  async rejected(
    pod: Pod,
    { reason, message, nominatedNode }: { reason: string; message: string; nominatedNode?: string },
  ): Promise<void> {
    const note = message.length <= maxNoteLength ? message : message.slice(0, maxNoteLength - cutMark.length) + cutMark;
    this.#record(pod, 'Warning', 'FailedScheduling', note);
    const condition: PodCondition = { type: 'PodScheduled', status: 'False', reason, message };
    const status: Record<string, unknown> = {};
    const isNominationNews = nominatedNode !== undefined && nominatedNode !== (pod.status?.nominatedNodeName ?? '');
    if (isNominationNews) status.nominatedNodeName = nominatedNode === '' ? null : nominatedNode;
    const known = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (isNews(condition, known, pod)) status.conditions = [this.#stamped(condition, known, pod)];
    if (Object.keys(status).length === 0) return;
    // After a failed binding the pod may have a node all the same: then it has changed, and this is not to be written.
    await this.#patchStatus(pod, status, reason === 'SchedulerError' ? pod.metadata.resourceVersion : undefined);
  }

  /** Takes the nominated node away from a pod: another one's need was greater. */
  async unnominated(pod: Pod): Promise<void> {
    await this.#patchStatus(pod, { nominatedNodeName: null });
  }

  /** Evicts a victim of preemption; one that is gone already is fine. */
  async preempted(victim: Pod, preemptor: Pod, nodeName: string): Promise<void> {
    const condition: PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: `${preemptor.spec?.schedulerName}: preempting to accommodate a higher priority pod`,
    };
    const known = victim.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
    try {
      if (isNews(condition, known, victim)) {
        await this.#patchStatus(victim, { conditions: [this.#stamped(condition, known, victim)] });
      }
      const { name = '', namespace, uid } = victim.metadata;
      await this.#options.client.delete(pods, { name, namespace }, { preconditions: { uid } });
    } catch (error) {
      // Gone, or another pod of that name by now.
      if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
    }
    this.#record(victim, 'Normal', 'Preempted', `Preempted by pod ${preemptor.metadata.uid} on node ${nodeName}`);
  }

  #stamped(condition: PodCondition, known: PodCondition | undefined, { metadata }: Pod): PodCondition {
    const changed = formatTime(this.#options.clock.now());
    return {
      ...condition,
      ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
      lastTransitionTime: known?.status === condition.status ? (known.lastTransitionTime ?? changed) : changed,
    };
  }

  async #patchStatus({ metadata }: Pod, status: Record<string, unknown>, resourceVersion?: string): Promise<void> {
    const { name = '', namespace, uid } = metadata;
    // The uid keeps the patch off another pod of the same name.
    const document = { metadata: { uid, ...(resourceVersion && { resourceVersion }) }, status };
    const options = { subresource: 'status' };
    await this.#options.client.patch(pods, { name, namespace }, { kind: 'strategic', document }, options);
  }

  #record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    // Items of a list may come without their kind; events need it.
    const subject = pod.kind ? pod : { ...pod, apiVersion: 'v1', kind: 'Pod' };
    this.#options.recorder.record(subject, type, reason, message);
  }
}

function isNews(condition: PodCondition, known: PodCondition | undefined, { metadata }: Pod): boolean {
  return (
    known?.status !== condition.status ||
    known.reason !== condition.reason ||
    known.message !== condition.message ||
    (metadata.generation !== undefined && known.observedGeneration !== metadata.generation)
  );
}
