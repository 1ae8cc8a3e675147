import type { ClusterView } from './cluster-zone.ts';

/** A view that says what has changed, by the look-ups (`lookUps`) whose results are others now. */
export interface ObservedView extends ClusterView {
  /** Returns the function that ends the subscription. */
  onChange(changed: (lookUp: string) => void): () => void;
}

/** What an answer was made from. */
export const lookUps = {
  /** A service, and its endpoint slices. */
  service: (namespace: string, name: string): string => `service ${namespace}/${name}`,
  alias: (namespace: string, name: string): string => `alias ${namespace}/${name}`,
  namespace: (name: string): string => `namespace ${name}`,
  ip: (ip: string): string => `ip ${ip}`,
};

/** Enough for every service of a large cluster, and what their clients' search domains make of other names. */
const maxAnswers = 16_384;
const maxNotes = 4 * maxAnswers;

/**
 * Answers that are kept as long as nothing changes that they were made from: whoever makes one says what it looked up.
 * There is no time in it; an answer is right from the moment on in which the view is.
 */
export class AnswerCache<T> {
  readonly #answers = new Map<string, T>();
  readonly #madeFrom = new Map<string, Set<string>>();
  readonly #view: ObservedView;
  #notes = 0;

  constructor(view: ObservedView) {
    this.#view = view;
    view.onChange((lookUp) => this.#forget(lookUp));
  }

  /** `make` is given a view that notes what it is asked; undefined is not kept. */
  get(question: string, make: (view: ClusterView) => T | undefined): T | undefined {
    const known = this.#answers.get(question);
    if (known !== undefined) return known;
    const noted = new Set<string>();
    const made = make(notingView(this.#view, noted));
    if (made === undefined) return undefined;
    if (this.#answers.size >= maxAnswers || this.#notes >= maxNotes) {
      this.#answers.clear();
      this.#madeFrom.clear();
      this.#notes = 0;
    }
    this.#answers.set(question, made);
    for (const lookUp of noted) {
      let questions = this.#madeFrom.get(lookUp);
      if (!questions) this.#madeFrom.set(lookUp, (questions = new Set()));
      questions.add(question);
      this.#notes++;
    }
    return made;
  }

  #forget(lookUp: string): void {
    const questions = this.#madeFrom.get(lookUp);
    if (!questions) return;
    for (const question of questions) this.#answers.delete(question);
    this.#madeFrom.delete(lookUp);
  }
}

function notingView(view: ClusterView, noted: Set<string>): ClusterView {
  return {
    service(namespace, name) {
      noted.add(lookUps.service(namespace, name));
      return view.service(namespace, name);
    },
    serviceByAlias(namespace, alias) {
      noted.add(lookUps.alias(namespace, alias));
      return view.serviceByAlias(namespace, alias);
    },
    slices(namespace, name) {
      noted.add(lookUps.service(namespace, name));
      return view.slices(namespace, name);
    },
    hasNamespace(namespace) {
      noted.add(lookUps.namespace(namespace));
      return view.hasNamespace(namespace);
    },
    servicesByIp(ip) {
      noted.add(lookUps.ip(ip));
      return view.servicesByIp(ip);
    },
    slicesByIp(ip) {
      noted.add(lookUps.ip(ip));
      return view.slicesByIp(ip);
    },
  };
}
