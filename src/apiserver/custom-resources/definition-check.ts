import { jsonEquals } from '../../api/plain-json.ts';
import { invalid } from '../../api/status.ts';
import type { CustomResourceDefinition } from '../../api/types/apiextensions-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';

/**
 * The part of a definition's validation that compiles patterns and rules: with all that it needs it is loaded when the
 * first definition comes, not when the server starts.
 */
export const definitionCheck: AdmissionPlugin = {
  name: 'CustomResourceDefinitionSchemas',
  handles: ({ kind, subresource, operation }) =>
    kind.plural === 'customresourcedefinitions' &&
    kind.group === 'apiextensions.k8s.io' &&
    subresource === '' &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  async validate({ kind, object, old, name }) {
    const { spec } = object as unknown as CustomResourceDefinition;
    if (old && jsonEquals(spec, old.spec)) return;
    const { validateConversion, validateVersions } = await import('../../api/custom-resources/validate-definition.ts');
    const definition = object as unknown as CustomResourceDefinition;
    const causes = [...validateVersions(definition), ...validateConversion(definition)];
    if (causes.length > 0) throw invalid(kind.group, kind.kind, name, causes);
  },
};
