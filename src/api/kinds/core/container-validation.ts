import { dnsLabel } from '../../names.ts';
import type { Container, PodSpec } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, forbidden, invalidValue, notSupported, required, valueNotFound } from '../../field-errors.ts';
import { validateContainerPorts, validateHostPorts } from './container-port-validation.ts';
import { validateEnv, validateEnvFrom } from './env-validation.ts';
import { pullPolicies } from './image-name.ts';
import { validateLifecycle, validateProbe } from './probe-validation.ts';
import { validateResources } from './resources-validation.ts';
import { validateSecurityContext } from './security-validation.ts';
import { validateVolumeDevices, validateVolumeMounts } from './volume-mount-validation.ts';

const messagePolicies = ['FallbackToLogsOnError', 'File'];
const restartPolicies = ['Always', 'Never', 'OnFailure'];
const resizePolicies = ['NotRequired', 'RestartContainer'];

interface Surroundings {
  /** Path of the pod's spec. */
  path: string;
  /** Names of the pod's volumes. */
  volumes: ReadonlySet<string>;
}

/** Containers, init containers and ephemeral containers; their names are unique among all three. */
export function validateContainers(causes: StatusCause[], spec: PodSpec, { path, volumes }: Surroundings): void {
  if (!spec.containers?.length) {
    causes.push(required(`${path}.containers`, ''));
    return;
  }
  const names = new Set<string>();
  const { containers, initContainers, ephemeralContainers } = spec;
  const os = spec.os?.name;
  for (let index = 0; index < containers.length; index++) {
    const container = containers[index]!;
    const at = `${path}.containers[${index}]`;
    validateCommon(causes, container, { path: at, volumes, names });
    validateRunning(causes, container, { path: at, os });
  }
  for (let index = 0; index < (initContainers?.length ?? 0); index++) {
    const container = initContainers![index]!;
    const at = `${path}.initContainers[${index}]`;
    validateCommon(causes, container, { path: at, volumes, names });
    if (container.restartPolicy === 'Always') validateRunning(causes, container, { path: at, os });
    else validateInitOnly(causes, container, at);
  }
  for (let index = 0; index < (ephemeralContainers?.length ?? 0); index++) {
    const container = ephemeralContainers![index]!;
    const at = `${path}.ephemeralContainers[${index}]`;
    const { targetContainerName: target } = container;
    if (target && !containers.some(({ name }) => name === target)) {
      causes.push(valueNotFound(`${at}.targetContainerName`, target));
    }
    validateCommon(causes, container, { path: at, volumes, names });
    validateEphemeralOnly(causes, container, at);
  }
  validateHostPorts(causes, spec, path);
}

function validateCommon(
  causes: StatusCause[],
  container: Container,
  { path, volumes, names }: Surroundings & { names: Set<string> },
): void {
  const { name, image = '' } = container;
  if (!name) causes.push(required(`${path}.name`, ''));
  else {
    for (const text of dnsLabel(name)) causes.push(invalidValue(`${path}.name`, name, text));
    if (names.has(name)) causes.push(duplicate(`${path}.name`, name));
    names.add(name);
  }
  if (image === '') causes.push(required(`${path}.image`, ''));
  else if (image.trim() !== image) {
    causes.push(invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace'));
  }
  const { terminationMessagePolicy = '', imagePullPolicy = '', restartPolicy } = container;
  if (!messagePolicies.includes(terminationMessagePolicy)) {
    causes.push(notSupported(`${path}.terminationMessagePolicy`, terminationMessagePolicy, messagePolicies));
  }
  if (imagePullPolicy === '') causes.push(required(`${path}.imagePullPolicy`, ''));
  else if (!pullPolicies.includes(imagePullPolicy)) {
    causes.push(notSupported(`${path}.imagePullPolicy`, imagePullPolicy, pullPolicies));
  }
  if (restartPolicy !== undefined && !restartPolicies.includes(restartPolicy)) {
    causes.push(notSupported(`${path}.restartPolicy`, restartPolicy, restartPolicies));
  }
  if (container.ports) validateContainerPorts(causes, container.ports, `${path}.ports`);
  if (container.env) validateEnv(causes, container.env, `${path}.env`);
  if (container.envFrom) validateEnvFrom(causes, container.envFrom, `${path}.envFrom`);
  if (container.volumeMounts) validateVolumeMounts(causes, container, { path, volumes });
  if (container.volumeDevices) validateVolumeDevices(causes, container.volumeDevices, { path, volumes });
  if (container.resources) validateResources(causes, container.resources, `${path}.resources`);
  if (container.securityContext) validateSecurityContext(causes, container.securityContext, `${path}.securityContext`);
  if (container.resizePolicy) validateResizePolicy(causes, container.resizePolicy, `${path}.resizePolicy`);
}

/** What only containers that keep running may have: containers proper and sidecars. */
function validateRunning(
  causes: StatusCause[],
  container: Container,
  { path, os }: { path: string; os: string | undefined },
): void {
  if (container.lifecycle) validateLifecycle(causes, container.lifecycle, { path: `${path}.lifecycle`, os });
  if (container.livenessProbe) validateProbe(causes, container.livenessProbe, `${path}.livenessProbe`, 'once');
  if (container.readinessProbe) validateProbe(causes, container.readinessProbe, `${path}.readinessProbe`, 'readiness');
  if (container.startupProbe) validateProbe(causes, container.startupProbe, `${path}.startupProbe`, 'once');
}

const runningOnly = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

function validateInitOnly(causes: StatusCause[], container: Container, path: string): void {
  for (const field of runningOnly) {
    if (container[field] === undefined) continue;
    const rule = 'may not be set for init containers without restartPolicy=Always';
    causes.push(forbidden(`${path}.${field}`, rule));
  }
}

const notEphemeral = [...runningOnly, 'ports', 'resizePolicy', 'restartPolicy'] as const;

function validateEphemeralOnly(causes: StatusCause[], container: Container, path: string): void {
  for (const field of notEphemeral) {
    if (container[field] !== undefined) {
      causes.push(forbidden(`${path}.${field}`, 'cannot be set for an Ephemeral Container'));
    }
  }
  const { limits, requests } = container.resources ?? {};
  if (limits || requests) causes.push(forbidden(`${path}.resources`, 'cannot be set for an Ephemeral Container'));
  container.volumeMounts?.forEach(({ subPath, subPathExpr }, index) => {
    const rule = 'cannot be set for an Ephemeral Container';
    if (subPath) causes.push(forbidden(`${path}.volumeMounts[${index}].subPath`, rule));
    if (subPathExpr) causes.push(forbidden(`${path}.volumeMounts[${index}].subPathExpr`, rule));
  });
}

function validateResizePolicy(
  causes: StatusCause[],
  policies: NonNullable<Container['resizePolicy']>,
  path: string,
): void {
  const seen = new Set<string>();
  policies.forEach(({ resourceName, restartPolicy }, index) => {
    if (seen.has(resourceName)) causes.push(duplicate(`${path}[${index}]`, resourceName));
    seen.add(resourceName);
    if (resourceName !== 'cpu' && resourceName !== 'memory') {
      causes.push(notSupported(path, resourceName, ['cpu', 'memory']));
    }
    if (!resizePolicies.includes(restartPolicy)) causes.push(notSupported(path, restartPolicy, resizePolicies));
  });
}
