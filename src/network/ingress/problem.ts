import type { Ingress } from '../../api/types/networking-v1.ts';

/** Something about an ingress that its owner should know; told as a Warning event. */
export interface Problem {
  ingress: Ingress;
  /** CamelCase, as reasons of events are. */
  reason: string;
  message: string;
}

/** Part of an ingress that cannot be taken as it is written: the sentence of a {@link Problem}. */
export interface Complaint {
  reason: string;
  message: string;
}

export type Complain = (ingress: Ingress, reason: string, message: string) => void;
