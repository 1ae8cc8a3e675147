import { parseApiVersion } from './object.ts';
import { hasType } from './schema.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Packages of the schema, for groups whose package does not follow from the name. */
const packages: Readonly<Record<string, string>> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube_aggregator.pkg.apis.apiregistration',
  'metrics.k8s.io': 'io.k8s.metrics.pkg.apis.metrics',
};

/**
 * The schema's type for an `apiVersion` and `kind` as objects carry them: kinds, their lists, and what every group has
 * (`DeleteOptions`, `Status` …). Undefined for kinds that are not built in.
 */
export function typeOfKind(apiVersion: string, kind: string): string | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  const dot = group.indexOf('.');
  const own = packages[group] ?? `io.k8s.api.${dot < 0 ? group : group.slice(0, dot)}`;
  return [`${own}.${version}.${kind}`, `${meta}.${kind}`].find(hasType);
}
