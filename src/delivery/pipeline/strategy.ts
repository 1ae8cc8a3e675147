import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { balancingAnnotations } from '../../api/load-balancing.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { Deployment } from '../../api/types/apps-v1.ts';
import type { Service } from '../../api/types/core-v1.ts';
import { identityOf } from '../apply/order.ts';
import { ShipError } from './ship-error.ts';
import type { Strategy } from './ship-file.ts';

/** On the pods, the selector and the metadata of a Deployment that has a name for each version. */
const versionLabel = 'timonel.dev/version';
/** The name that such a Deployment has in its manifest. */
const originAnnotation = 'timonel.dev/deployment';
/** On a service that is there for the time of a try alone. */
const previewLabel = 'timonel.dev/preview-of';
/** Room for a dash and a version in a name of 63 letters. */
const maxName = 54;

/** One step on the way of a release to its new objects: what is applied, and what is done before the next. */
export interface Stage {
  title: string;
  objects: readonly KubeObject[];
  /** Whether the file's checks are asked; `preview`: at services that lead to the new version alone. */
  checks: 'none' | 'live' | 'preview';
  pauseMs: number;
}

/**
 * The objects of a release as a strategy needs them. Rolling: as they are. Else every Deployment that a Service of the
 * set leads to has a name for each version (`web-1f2e3d4c`, by a digest of its pod template), so that two versions can
 * stand side by side; blue/green services lead to one version. Pure, and the same for the same objects.
 */
export function versioned(objects: readonly KubeObject[], strategy: Strategy): KubeObject[] {
  if (strategy.type === 'rolling') return [...objects];
  const services = objects.filter(isService);
  const names = new Map<string, { name: string; version: string; deployment: Deployment }>();
  for (const object of objects.filter(isDeployment)) {
    if (!services.some((service) => leadsTo(service, object))) continue;
    const template = stringify(object.spec?.template ?? {}, { sortMapEntries: true, aliasDuplicateObjects: false });
    const version = createHash('sha256').update(template).digest('hex').slice(0, 8);
    const name = `${(object.metadata.name ?? '').slice(0, maxName)}-${version}`;
    names.set(identityOf(object), { name, version, deployment: object });
  }
  return objects.map((object): KubeObject => {
    const found = names.get(identityOf(object));
    if (found && isDeployment(object)) return versionedDeployment(object, found);
    if (isService(object) && strategy.type === 'blue-green') return versionedService(object, [...names.values()]);
    return object.kind === 'HorizontalPodAutoscaler' ? versionedScaler(object, [...names.values()]) : object;
  });
}

function versionedDeployment(object: Deployment, { name, version }: { name: string; version: string }): Deployment {
  const label = { [versionLabel]: version };
  const { metadata, spec } = object;
  const template = spec?.template ?? {};
  return {
    ...object,
    metadata: {
      ...metadata,
      name,
      labels: { ...metadata.labels, ...label },
      annotations: { ...metadata.annotations, [originAnnotation]: metadata.name ?? '' },
    },
    spec: {
      ...spec,
      selector: { ...spec?.selector, matchLabels: { ...spec?.selector?.matchLabels, ...label } },
      template: { ...template, metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...label } } },
    },
  };
}

function versionedService(service: Service, found: readonly { version: string; deployment: Deployment }[]): Service {
  const versions = new Set(
    found.filter(({ deployment }) => leadsTo(service, deployment)).map(({ version }) => version),
  );
  const [version, ...others] = versions;
  if (version === undefined) return service;
  if (others.length > 0) {
    throw new ShipError(`blue/green: Service ${service.metadata.name} leads to several Deployments`, {
      hint: 'Give each its own Service, or take another strategy.',
    });
  }
  return { ...service, spec: { ...service.spec, selector: { ...service.spec?.selector, [versionLabel]: version } } };
}

function versionedScaler(object: KubeObject, found: readonly { name: string; deployment: Deployment }[]): KubeObject {
  const { spec } = object as { spec?: { scaleTargetRef?: { kind?: string; name?: string } } };
  const target = spec?.scaleTargetRef;
  const match = found.find(
    ({ deployment: { metadata } }) =>
      target?.kind === 'Deployment' &&
      metadata.name === target.name &&
      metadata.namespace === object.metadata.namespace,
  );
  if (!match) return object;
  return { ...object, spec: { ...spec, scaleTargetRef: { ...target, name: match.name } } } as KubeObject;
}

/** The stages from the objects of a release as it is to those that are wanted, both as {@link versioned} has them. Pure. */
export function stagesOf(
  { previous, wanted }: { previous: readonly KubeObject[]; wanted: readonly KubeObject[] },
  strategy: Strategy,
  { honoursWeights }: { honoursWeights: boolean },
): Stage[] {
  const last: Stage = { title: 'Rolling out', objects: wanted, checks: 'live', pauseMs: 0 };
  const retiring = retiringOf(previous, wanted);
  if (retiring.length === 0) return [last];
  const both = [...wanted, ...retiring];
  const end: Stage = { title: 'Taking the old version away', objects: wanted, checks: 'none', pauseMs: 0 };
  if (strategy.type === 'rolling') return [{ ...last, objects: both }, end];
  if (strategy.type === 'blue-green') {
    const beside = [...both.map((object) => before(object, previous)), ...previewsOf(wanted)];
    return [
      { title: 'Bringing the new version up beside the old one', objects: beside, checks: 'preview', pauseMs: 0 },
      { title: 'Switching the services over', objects: both, checks: 'live', pauseMs: 0 },
      end,
    ];
  }
  const byWeight = honoursWeights && retiring.every((object) => versionOf(object) !== undefined);
  const share = byWeight ? weightedShare : replicaShare;
  return [
    ...strategy.steps.map(({ weight, pauseMs }): Stage => {
      const { objects, title } = share({ wanted, retiring }, weight);
      return { title, objects, checks: 'live', pauseMs };
    }),
    { ...share({ wanted, retiring }, 100), title: 'All of it to the new version', checks: 'live', pauseMs: 0 },
    end,
  ];
}

interface Shared {
  wanted: readonly KubeObject[];
  retiring: readonly Deployment[];
}

/** Both versions in full, and the services of Timonel's clusters spread by weight (docs/networking.md). */
function weightedShare({ wanted, retiring }: Shared, weight: number): Pick<Stage, 'title' | 'objects'> {
  const objects = wanted.map((object) => {
    if (!isService(object)) return object;
    const of = (all: readonly KubeObject[], part: number): string[] =>
      all
        .filter(isDeployment)
        .filter((deployment) => versionOf(deployment) !== undefined && leadsTo(object, deployment))
        .map((deployment) => `${versionLabel}=${versionOf(deployment)}:${part}`);
    const weights = [...of(retiring, 100 - weight), ...of(wanted, weight)];
    if (weights.length < 2) return object;
    const annotations = { ...object.metadata.annotations, [balancingAnnotations.weights]: weights.join(',') };
    return { ...object, metadata: { ...object.metadata, annotations } };
  });
  return { title: `${weight} % to the new version`, objects: [...objects, ...retiring] };
}

/** Where services know no weights, shares are numbers of pods beside those of the old version. */
function replicaShare({ wanted, retiring }: Shared, weight: number): Pick<Stage, 'title' | 'objects'> {
  const shares: string[] = [];
  const objects = wanted.map((object) => {
    const old = isDeployment(object) ? retiring.find((each) => originOf(each) === originOf(object)) : undefined;
    const full = isDeployment(object) ? object.spec?.replicas : undefined;
    // Where an autoscaler says how many there are, a manifest does not.
    if (!isDeployment(object) || !old || full === undefined) return object;
    const beside = old.spec?.replicas ?? 1;
    const part = weight === 100 ? full : Math.min(full, Math.max(1, Math.round((beside * weight) / (100 - weight))));
    shares.push(`${part} of ${part + beside} pods`);
    return { ...object, spec: { ...object.spec, replicas: part } } as Deployment;
  });
  return {
    title: `About ${weight} % to the new version: ${shares.join(', ')}, as services know no weights here`,
    objects: [...objects, ...retiring],
  };
}

/** Deployments that a wanted one takes the place of. */
function retiringOf(previous: readonly KubeObject[], wanted: readonly KubeObject[]): Deployment[] {
  const kept = new Set(wanted.map(identityOf));
  const origins = new Set(wanted.filter(isDeployment).map(originOf));
  return previous
    .filter(isDeployment)
    .filter((object) => !kept.has(identityOf(object)) && origins.has(originOf(object)));
}

/** A service as it was: until the switch it leads where it led. */
function before(object: KubeObject, previous: readonly KubeObject[]): KubeObject {
  if (!isService(object)) return object;
  return previous.find((each) => identityOf(each) === identityOf(object)) ?? object;
}

/** Services that lead to the new version before anybody else goes there. */
function previewsOf(wanted: readonly KubeObject[]): Service[] {
  return wanted.filter(isService).flatMap((service) => {
    if (service.spec?.selector?.[versionLabel] === undefined) return [];
    const ports = (service.spec.ports ?? []).map((port) => ({ ...port, nodePort: undefined }));
    const { name = '', namespace } = service.metadata;
    const labels = { [previewLabel]: name.slice(0, 63) };
    const metadata = { name: previewName(name), labels, ...(namespace !== undefined && { namespace }) };
    return [{ ...service, metadata, spec: { selector: service.spec.selector, ports } }];
  });
}

/** The objects less the services that were only there to try the new version. */
export function withoutPreviews(objects: readonly KubeObject[]): KubeObject[] {
  return objects.filter(({ metadata }) => metadata.labels?.[previewLabel] === undefined);
}

/** Of the service that leads to the new version alone. */
export function previewName(service: string): string {
  return `${service.slice(0, 55)}-preview`;
}

function originOf(object: KubeObject): string {
  const { annotations, name, namespace = '' } = object.metadata;
  return `${namespace}/${annotations?.[originAnnotation] ?? name}`;
}

function versionOf({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.[versionLabel];
}

function leadsTo({ spec, metadata }: Service, deployment: Deployment): boolean {
  const labels = deployment.spec?.template?.metadata?.labels ?? {};
  const selector = Object.entries(spec?.selector ?? {}).filter(([key]) => key !== versionLabel);
  const isNear = (metadata.namespace ?? '') === (deployment.metadata.namespace ?? '');
  return isNear && selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
}

function isDeployment(object: KubeObject): object is Deployment {
  return object.kind === 'Deployment' && (object as AnyObject).apiVersion === 'apps/v1';
}

function isService(object: KubeObject): object is Service {
  return object.kind === 'Service' && (object as AnyObject).apiVersion === 'v1';
}
