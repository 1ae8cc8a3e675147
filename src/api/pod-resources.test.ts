import { describe, expect, it } from 'vitest';
import { heldRequests, podRequests } from './pod-resources.ts';
import type { Container, Pod, PodCondition, PodSpec } from './types/core-v1.ts';

const container = (cpu: string): Container => ({ name: 'c', resources: { requests: { cpu } } });
const made = (spec: Partial<PodSpec>): Pod => ({ metadata: {}, spec: { containers: [container('1')], ...spec } });
const entries = (pod: Pod): object => Object.fromEntries(podRequests(pod));

describe('what a pod asks of its node', () => {
  it('is what its containers ask for, or the largest step of its start', () => {
    const sidecar: Container = { ...container('500m'), name: 's', restartPolicy: 'Always' };
    const initContainers = [sidecar, { ...container('2'), name: 'i' }];
    expect(entries(made({ initContainers, overhead: { cpu: '100m' } }))).toEqual({ cpu: 2600 });
    expect(entries(made({ initContainers: [sidecar] }))).toEqual({ cpu: 1500 });
  });

  it('is what the pod says of itself as a whole', () => {
    expect(entries(made({ resources: { requests: { cpu: '3', memory: '1Ki' } } }))).toEqual({
      cpu: 3000,
      memory: 1024,
    });
  });
});

describe('what a pod may take of its node', () => {
  const resized = (given: string, conditions: PodCondition[] = [], actual = given): Pod => {
    const status = { name: 'c', ready: true, restartCount: 0, image: '', imageID: '' };
    const resources = { allocatedResources: { cpu: given }, resources: { requests: { cpu: actual } } };
    return { ...made({}), status: { conditions, containerStatuses: [{ ...status, ...resources }] } };
  };

  it('is the most of what it asks for, was given and has', () => {
    expect(heldRequests(made({})).get('cpu')).toBe(1000);
    expect(heldRequests(resized('500m')).get('cpu')).toBe(1000);
    expect(heldRequests(resized('2')).get('cpu')).toBe(2000);
    expect(heldRequests(resized('500m', [], '3')).get('cpu')).toBe(3000);
  });

  it('leaves out what it asks for in vain', () => {
    const infeasible = { type: 'PodResizePending', status: 'True', reason: 'Infeasible' };
    expect(heldRequests(resized('500m', [infeasible])).get('cpu')).toBe(500);
  });
});
