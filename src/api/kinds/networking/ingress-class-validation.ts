import { forbidden, invalidValue, notSupported, required, tooLong } from '../../field-errors.ts';
import { dnsLabel } from '../../names.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import type { IngressClass, IngressClassParametersReference } from '../../types/networking-v1.ts';
import { validateDomainPrefixedPath } from '../domain-prefixed-path.ts';
import { validateObjectReference } from './object-reference-validation.ts';

const maxController = 250;
const scopes = ['Cluster', 'Namespace'];

/** The rules of the API's documentation (IngressClassSpec), with upstream's messages. */
export function validateIngressClass({ spec }: IngressClass): StatusCause[] {
  const { controller = '', parameters } = spec ?? {};
  return [
    ...(controller.length > maxController ? [tooLong('spec.controller', maxController)] : []),
    ...validateDomainPrefixedPath(controller, 'spec.controller'),
    ...(parameters ? validateParameters(parameters, 'spec.parameters') : []),
  ];
}

function validateParameters(parameters: IngressClassParametersReference, path: string): StatusCause[] {
  return [...validateObjectReference(parameters, path), ...validateScope(parameters, path)];
}

function validateScope({ scope = '', namespace }: IngressClassParametersReference, path: string): StatusCause[] {
  if (!scopes.includes(scope)) return [notSupported(`${path}.scope`, scope, scopes)];
  if (scope === 'Cluster') {
    return namespace === undefined ? [] : [forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'")];
  }
  if (namespace === undefined) return [required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'")];
  return dnsLabel(namespace).map((text) => invalidValue(`${path}.namespace`, namespace, text));
}
