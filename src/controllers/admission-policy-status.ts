import type { ServedType } from '../api/custom-resources/policy-type-check.ts';
import { structuralSchema } from '../api/custom-resources/structural-schema.ts';
import { kinds } from '../api/kinds.ts';
import { jsonEquals } from '../api/plain-json.ts';
import type { ValidatingAdmissionPolicy } from '../api/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../api/types/apiextensions-v1.ts';
import { keyOf, type Informer } from '../client/informer.ts';
import { customResourceDefinitions, validatingAdmissionPolicies } from '../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from './controller.ts';
import { done, type Outcome } from './reconciler.ts';
import { unlessGone } from './unless-gone.ts';

const builtIn: readonly ServedType[] = kinds.flatMap(({ kind, plural, versions }) =>
  versions.map(({ group, version, type }) => ({ group, version, kind, plural, type })),
);

/**
 * Says in a ValidatingAdmissionPolicy's status which of its expressions do not fit the types that they are about
 * (KEP-3488). Custom resources that come later, or get another schema, are looked at when they do.
 */
export class AdmissionPolicyStatusReconciler implements Controller {
  readonly name = 'validatingadmissionpolicy-status-controller';
  readonly #context: ControllerContext;
  readonly #policies: Informer<ValidatingAdmissionPolicy>;
  readonly #definitions: Informer<CustomResourceDefinition>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#policies = context.informers.of(validatingAdmissionPolicies);
    this.#definitions = context.informers.of(customResourceDefinitions);
  }

  watch(enqueue: Enqueue): () => void {
    const enqueueAll = (): void => {
      for (const policy of this.#policies.list()) enqueue(keyOf(policy));
    };
    const ends = [
      this.#policies.subscribe({
        added: (policy) => enqueue(keyOf(policy)),
        updated: (policy) => enqueue(keyOf(policy)),
      }),
      this.#definitions.subscribe({
        added: enqueueAll,
        updated: (definition, old) => {
          if (definition.metadata.generation !== old.metadata.generation) enqueueAll();
        },
        deleted: enqueueAll,
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(name: string): Promise<Outcome> {
    const policy = this.#policies.get(name);
    if (!policy) return done;
    // Most clusters have no policy: the language is loaded with the first.
    const { checkPolicyTypes } = await import('../api/custom-resources/policy-type-check.ts');
    const custom = [...this.#definitions.list()].flatMap(customTypes);
    const expressionWarnings = checkPolicyTypes(policy, [...builtIn, ...custom]);
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
    const { generation: observedGeneration = 0 } = policy.metadata;
    const { status } = policy;
    if (status?.observedGeneration === observedGeneration && jsonEquals(status.typeChecking, typeChecking)) return done;
    const document = {
      metadata: { uid: policy.metadata.uid },
      status: { observedGeneration, typeChecking: { expressionWarnings: null, ...typeChecking } },
    };
    const patch = { kind: 'merge', document } as const;
    await unlessGone(
      this.#context.client.patch(validatingAdmissionPolicies, { name }, patch, { subresource: 'status' }),
    );
    return done;
  }
}

function customTypes({ spec }: CustomResourceDefinition): ServedType[] {
  const { group, names } = spec;
  return spec.versions.flatMap(({ name: version, schema, served }) => {
    const props = schema?.openAPIV3Schema;
    if (!served || !props) return [];
    const type = `${group}.${version}.${names.kind}`;
    return [{ group, version, kind: names.kind, plural: names.plural, type, schema: structuralSchema(props) }];
  });
}
