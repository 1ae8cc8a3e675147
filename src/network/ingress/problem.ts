import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts';

/** Something about an ingress or a class that its owner should know; told as a Warning event. */
export interface Problem {
  about: Ingress | IngressClass;
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
