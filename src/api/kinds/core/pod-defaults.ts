import { podRequests } from '../../pod-resources.ts';
import { canonicalQuantity } from '../../quantity.ts';
import type { Container, EnvVar, HTTPGetAction, Lifecycle, Pod, PodSpec, Probe } from '../../types/core-v1.ts';
import { defaultPullPolicy } from './image-name.ts';
import { defaultVolume } from './volume-defaults.ts';

/** Defaults of pods. A template gets fewer: what its author left out is completed in each pod made from it. */
export function defaultPod({ spec }: Pod): void {
  if (!spec) return;
  defaultPodSpec(spec);
  for (const container of spec.containers) requestsFromLimits(container);
  if (spec.initContainers) for (const container of spec.initContainers) requestsFromLimits(container);
  if (spec.resources?.limits) defaultPodLevelRequests(spec);
  spec.enableServiceLinks ??= true;
  if (!spec.hostNetwork) return;
  for (const container of spec.containers) hostPortsFromContainerPorts(container);
  for (const container of spec.initContainers ?? []) hostPortsFromContainerPorts(container);
}

/** Defaults of a pod spec wherever it stands: in a pod or in a template. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.restartPolicy ||= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.securityContext ??= {};
  spec.schedulerName ||= 'default-scheduler';
  mirrorServiceAccount(spec);
  if (spec.volumes) for (const volume of spec.volumes) defaultVolume(volume);
  if (spec.initContainers) for (const container of spec.initContainers) defaultContainer(container);
  for (const container of spec.containers ?? []) defaultContainer(container);
  if (spec.ephemeralContainers) for (const container of spec.ephemeralContainers) defaultContainer(container);
}

/** `serviceAccount` is the old name of `serviceAccountName`; both are always written, and the new one wins. */
function mirrorServiceAccount(spec: PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

function defaultContainer(container: Container): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  if (container.ports) for (const port of container.ports) port.protocol ||= 'TCP';
  if (container.env) for (const variable of container.env) defaultEnv(variable);
  if (container.livenessProbe) defaultProbe(container.livenessProbe);
  if (container.readinessProbe) defaultProbe(container.readinessProbe);
  if (container.startupProbe) defaultProbe(container.startupProbe);
  if (container.lifecycle) defaultLifecycle(container.lifecycle);
}

function defaultEnv({ valueFrom }: EnvVar): void {
  if (valueFrom === undefined) return;
  if (valueFrom.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
  // A divisor that is left out is the zero quantity, which the API always writes.
  if (valueFrom.resourceFieldRef) valueFrom.resourceFieldRef.divisor ??= '0';
  if (valueFrom.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultLifecycle({ postStart, preStop }: Lifecycle): void {
  if (postStart?.httpGet) defaultHttpGet(postStart.httpGet);
  if (preStop?.httpGet) defaultHttpGet(preStop.httpGet);
}

function defaultHttpGet(action: HTTPGetAction): void {
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

/** A resource with a limit and no request requests its limit. */
function requestsFromLimits({ resources }: Container): void {
  if (resources?.limits === undefined) return;
  const requests = (resources.requests ??= {});
  for (const name in resources.limits) requests[name] ??= resources.limits[name]!;
}

/** The port a container listens on in the host's network is a port of the host. */
function hostPortsFromContainerPorts({ ports }: Container): void {
  for (const port of ports ?? []) port.hostPort ||= port.containerPort;
}

/**
 * Requests of the pod as a whole, when it has limits as a whole (KEP-2837): what its containers request together, and
 * where they request nothing, the limit.
 */
function defaultPodLevelRequests(spec: PodSpec): void {
  const limits = spec.resources?.limits;
  if (!spec.resources || !limits || Object.keys(limits).length === 0) return;
  const requests = (spec.resources.requests ??= {});
  const { overhead: _, ...containersOnly } = spec;
  for (const [name, amount] of podRequests({ metadata: {}, spec: containersOnly })) {
    if (isPodLevelResource(name)) requests[name] ??= formatAmount(name, amount);
  }
  for (const name in limits) if (isPodLevelResource(name)) requests[name] ??= limits[name]!;
}

function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

function formatAmount(name: string, amount: number): string {
  if (name === 'cpu') return canonicalQuantity(`${amount}m`);
  return amount % 1024 === 0 ? canonicalQuantity(`${amount / 1024}Ki`) : canonicalQuantity(`${amount}`);
}
