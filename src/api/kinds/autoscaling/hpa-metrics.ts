import type * as v1 from '../../types/autoscaling-v1.ts';
import type { MetricSpec, MetricStatus, MetricTarget } from '../../types/autoscaling-v2.ts';

/** Drops the fields that are undefined, so that absence stays absence in the other version. */
function present<T extends object>(object: T): T {
  for (const key in object) if (object[key] === undefined) delete object[key];
  return object;
}

/** v1 spread a target over three fields; v2 has one shape with a type. */
function target(value: string | undefined, averageValue: string | undefined, utilization?: number): MetricTarget {
  const type = utilization !== undefined ? 'Utilization' : averageValue !== undefined ? 'AverageValue' : 'Value';
  return present({ type, value, averageValue, averageUtilization: utilization }) as MetricTarget;
}

function identifier(name: string | undefined, selector: v1.ExternalMetricSource['metricSelector']) {
  return { name: name ?? '', ...(selector && { selector }) };
}

export function metricFromV1(metric: v1.MetricSpec): MetricSpec {
  const { resource, containerResource: inContainer, pods, object, external } = metric;
  const spec: MetricSpec = { type: metric.type ?? '' };
  if (resource) {
    const { name = '', targetAverageValue, targetAverageUtilization } = resource;
    spec.resource = { name, target: target(undefined, targetAverageValue, targetAverageUtilization) };
  }
  if (inContainer) {
    const { name = '', container = '', targetAverageValue, targetAverageUtilization } = inContainer;
    spec.containerResource = {
      name,
      container,
      target: target(undefined, targetAverageValue, targetAverageUtilization),
    };
  }
  if (pods) {
    spec.pods = {
      metric: identifier(pods.metricName, pods.selector),
      target: target(undefined, pods.targetAverageValue),
    };
  }
  if (object) {
    spec.object = {
      describedObject: object.target ?? { kind: '', name: '' },
      metric: identifier(object.metricName, object.selector),
      target:
        object.averageValue === undefined
          ? target(object.targetValue, undefined)
          : target(undefined, object.averageValue),
    };
  }
  if (external) {
    spec.external = {
      metric: identifier(external.metricName, external.metricSelector),
      target: target(external.targetValue, external.targetAverageValue),
    };
  }
  return spec;
}

export function metricToV1(metric: MetricSpec): v1.MetricSpec {
  const { type, resource, containerResource: inContainer, pods, object, external } = metric;
  const spec: v1.MetricSpec = { type };
  if (resource) spec.resource = { name: resource.name, ...averages(resource.target) };
  if (inContainer) {
    const { name, container } = inContainer;
    spec.containerResource = { name, container, ...averages(inContainer.target) };
  }
  if (pods) {
    const { metric: id, target: wanted } = pods;
    spec.pods = present({
      metricName: id.name,
      targetAverageValue: wanted.averageValue,
      selector: id.selector,
    }) as v1.PodsMetricSource;
  }
  if (object) {
    const { metric: id, target: wanted, describedObject } = object;
    const { value: targetValue, averageValue } = wanted;
    const converted = {
      target: describedObject,
      metricName: id.name,
      targetValue,
      averageValue,
      selector: id.selector,
    };
    spec.object = present(converted) as v1.ObjectMetricSource;
  }
  if (external) {
    const { metric: id, target: wanted } = external;
    const { value: targetValue, averageValue: targetAverageValue } = wanted;
    const converted = { metricName: id.name, metricSelector: id.selector, targetValue, targetAverageValue };
    spec.external = present(converted) as v1.ExternalMetricSource;
  }
  return spec;
}

function averages({ averageValue, averageUtilization }: MetricTarget) {
  return {
    ...(averageUtilization !== undefined && { targetAverageUtilization: averageUtilization }),
    ...(averageValue !== undefined && { targetAverageValue: averageValue }),
  };
}

export function statusFromV1(status: v1.MetricStatus): MetricStatus {
  const { resource, containerResource: inContainer, pods, object, external } = status;
  const converted: MetricStatus = { type: status.type ?? '' };
  if (resource) converted.resource = { name: resource.name ?? '', current: current(resource) };
  if (inContainer) {
    const { name = '', container = '' } = inContainer;
    converted.containerResource = { name, container, current: current(inContainer) };
  }
  if (pods) {
    converted.pods = {
      metric: identifier(pods.metricName, pods.selector),
      current: current({ currentAverageValue: pods.currentAverageValue }),
    };
  }
  if (object) {
    const {
      target: describedObject = { kind: '', name: '' },
      averageValue: currentAverageValue,
      currentValue,
    } = object;
    const metric = identifier(object.metricName, object.selector);
    converted.object = { describedObject, metric, current: current({ currentValue, currentAverageValue }) };
  }
  if (external) {
    converted.external = {
      metric: identifier(external.metricName, external.metricSelector),
      current: current(external),
    };
  }
  return converted;
}

function current(from: {
  currentValue?: string | undefined;
  currentAverageValue?: string | undefined;
  currentAverageUtilization?: number | undefined;
}): { value?: string; averageValue?: string; averageUtilization?: number } {
  return {
    ...(from.currentValue !== undefined && { value: from.currentValue }),
    ...(from.currentAverageValue !== undefined && { averageValue: from.currentAverageValue }),
    ...(from.currentAverageUtilization !== undefined && { averageUtilization: from.currentAverageUtilization }),
  };
}

export function statusToV1(status: MetricStatus): v1.MetricStatus {
  const { type, resource, containerResource: inContainer, pods, object, external } = status;
  const converted: v1.MetricStatus = { type };
  if (resource) converted.resource = { name: resource.name, ...oldCurrent(resource.current) };
  if (inContainer) {
    const { name, container } = inContainer;
    converted.containerResource = { name, container, ...oldCurrent(inContainer.current) };
  }
  if (pods) {
    const { name: metricName, selector } = pods.metric;
    const currentAverageValue = pods.current.averageValue;
    converted.pods = present({ metricName, selector, currentAverageValue }) as v1.PodsMetricStatus;
  }
  if (object) {
    const { name: metricName, selector } = object.metric;
    const { value: currentValue, averageValue } = object.current;
    const old = { target: object.describedObject, metricName, selector, currentValue, averageValue };
    converted.object = present(old) as v1.ObjectMetricStatus;
  }
  if (external) {
    const { name: metricName, selector: metricSelector } = external.metric;
    const { value: currentValue, averageValue: currentAverageValue } = external.current;
    const old = { metricName, metricSelector, currentValue, currentAverageValue };
    converted.external = present(old) as v1.ExternalMetricStatus;
  }
  return converted;
}

function oldCurrent({ averageUtilization, averageValue }: { averageUtilization?: number; averageValue?: string }) {
  return {
    ...(averageUtilization !== undefined && { currentAverageUtilization: averageUtilization }),
    ...(averageValue !== undefined && { currentAverageValue: averageValue }),
  };
}
