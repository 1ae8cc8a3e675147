import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts';
import { type ClassParameters, classParameters, withParameters } from './class-parameters.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { ClassDefault } from './model.ts';
import type { Problem } from './problem.ts';

/** The classes of the ingresses of one rendering, read as they are met. */
export class Classes {
  readonly problems: Problem[] = [];
  readonly #objects: ClusterObjects;
  readonly #classOf: (ingress: Ingress) => IngressClass | undefined;
  readonly #read = new Map<IngressClass, ClassParameters | undefined>();

  constructor(objects: ClusterObjects, classOf: (ingress: Ingress) => IngressClass | undefined) {
    this.#objects = objects;
    this.#classOf = classOf;
  }

  /** The ingress with what its class says for it. */
  complete(ingress: Ingress): Ingress {
    const found = this.#classOf(ingress);
    return found ? withParameters(ingress, this.#parametersOf(found)) : ingress;
  }

  /** Of the oldest class that names one; others hear of it. */
  classDefault(): { classDefault: ClassDefault; parameters: ClassParameters } | undefined {
    const all = [...this.#read].flatMap(([about, parameters]) => {
      return parameters?.classDefault ? [{ about, parameters, classDefault: parameters.classDefault }] : [];
    });
    const [first, ...others] = all.toSorted((a, b) => (ageKey(a.about) < ageKey(b.about) ? -1 : 1));
    for (const { about, classDefault } of others) {
      if (JSON.stringify(classDefault) === JSON.stringify(first?.classDefault)) continue;
      const message = `default-backend-service has no effect: that of class ${first?.about.metadata.name}, which is older, counts`;
      this.problems.push({ about, reason: 'Conflict', message });
    }
    return first;
  }

  #parametersOf(about: IngressClass): ClassParameters | undefined {
    if (this.#read.has(about)) return this.#read.get(about);
    const found = classParameters(about, (key) => this.#objects.configMap(key));
    this.#read.set(about, found);
    for (const complaint of found?.complaints ?? []) this.problems.push({ about, ...complaint });
    return found;
  }
}

function ageKey({ metadata }: IngressClass): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}
