import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts';
import { type ClassOption, entranceParameters } from './annotations/parameters.ts';
import { type ClassParameters, classParameters, withParameters } from './class-parameters.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { type EntranceSettings, plainEntrance } from './entrance.ts';
import type { ClassDefault } from './model.ts';
import type { Problem } from './problem.ts';
import { certificateOf } from './tls.ts';

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

  /** What gets the requests that no rule matches, and all that its class says. */
  classDefault(): { classDefault: ClassDefault; parameters: ClassParameters } | undefined {
    const found = this.#oldest((parameters) => parameters.classDefault, 'default-backend-service');
    return found && { classDefault: found.value, parameters: found.parameters };
  }

  /** PEM, chain and key; undefined where no class names a secret that has them. */
  defaultCertificate(): string | undefined {
    const found = this.#oldest((parameters) => parameters.defaultCertificate, 'default-ssl-certificate');
    if (!found) return undefined;
    const secret = this.#objects.secret(found.value);
    const read = secret ? certificateOf(secret) : { problem: 'there is no such secret' };
    if ('pem' in read) return read.pem;
    const message = `default-ssl-certificate has no effect: secret ${found.value}: ${read.problem}`;
    this.problems.push({ about: found.about, reason: 'InvalidCertificate', message });
    return undefined;
  }

  /** Each setting of the oldest class that says it, for all: they have the same entrances. */
  entrance(): EntranceSettings {
    const said = Object.entries(entranceParameters).flatMap(([key, parameter]) => {
      const name = key as keyof EntranceSettings;
      const found = this.#oldest((parameters) => parameters.entrance[name], parameter);
      return found ? [[name, found.value]] : [];
    });
    return { ...plainEntrance, ...(Object.fromEntries(said) as Partial<EntranceSettings>) };
  }

  /** Of the oldest class that has one; others hear of it. */
  #oldest<T>(valueOf: (parameters: ClassParameters) => T | undefined, parameter: ClassOption) {
    const all = [...this.#read].flatMap(([about, parameters]) => {
      const value = parameters && valueOf(parameters);
      return parameters && value !== undefined ? [{ about, parameters, value }] : [];
    });
    const [first, ...others] = all.toSorted((a, b) => (ageKey(a.about) < ageKey(b.about) ? -1 : 1));
    for (const { about, value } of others) {
      if (JSON.stringify(value) === JSON.stringify(first?.value)) continue;
      const message = `${parameter} has no effect: that of class ${first?.about.metadata.name}, which is older, counts`;
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
