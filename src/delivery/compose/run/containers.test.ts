import { describe, expect, it } from 'vitest';
import { load, memoryFiles } from '../../../../test/support/compose.ts';
import type { Service } from '../../../api/types/core-v1.ts';
import { translate } from '../translate/translate.ts';
import { containersOf, publishersOf } from './containers.ts';

function published(ports: string): Service[] {
  const { project, tree } = load(`services:\n  web:\n    image: web\n    ports: ${ports}\n`);
  const { base } = translate(project, tree, { files: memoryFiles({}) });
  return base.filter(({ kind }) => kind === 'Service');
}

describe('where a port is published', () => {
  it('is the host port of the file, and its address', () => {
    const services = published("['3005:80', '127.0.0.1:53:5353/udp']");
    expect(publishersOf('web', services, true)).toEqual([
      { hostIp: '0.0.0.0', hostPort: 3005, target: 80, protocol: 'tcp' },
      { hostIp: '127.0.0.1', hostPort: 53, target: 5353, protocol: 'udp' },
    ]);
  });

  it('is the address of the load balancer on another cluster', () => {
    const services = published("['3005:80']").map((service) => ({
      ...service,
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } },
    }));
    expect(publishersOf('web', services, false)).toMatchObject([{ hostIp: '192.0.2.9', hostPort: 3005 }]);
  });

  it('is the node port where the file leaves it open', () => {
    const [, service] = published('[80]') as [Service, Service];
    const [port] = service.spec?.ports ?? [];
    const live = { ...service, spec: { ...service.spec, ports: [{ ...port, port: 80, nodePort: 31000 }] } };
    expect(publishersOf('web', [live], true)).toEqual([
      { hostIp: '0.0.0.0', hostPort: 31000, target: 80, protocol: 'tcp' },
    ]);
  });
});

describe('the containers of a project', () => {
  it('have one line for a service that was stopped', () => {
    const { project, tree } = load('services:\n  web:\n    image: web\n    command: serve\n');
    const web = translate(project, tree, { files: memoryFiles({}) }).workloads['web'];
    if (!web) throw new Error('no workload');
    const workloads = [{ kind: 'Deployment' as const, service: 'web', name: 'web', object: web }];
    const [container] = containersOf({ pods: [], workloads, services: [], isLocal: true });
    expect(container).toMatchObject({ name: 'web', service: 'web', state: 'exited', command: 'serve', image: 'web' });
  });

  it.each([
    ['never', 0, 0, 'exited'],
    ['never', 0, 3, 'exited'],
    ['on-failure', 0, 0, 'exited'],
    ['on-failure', 5, 3, 'restarting'],
    ['on-failure:2', 1, 3, 'restarting'],
    ['on-failure:2', 2, 3, 'exited'],
  ])('that start again %s are, after %i restarts and an end with %i, %s', (restart, restartCount, exitCode, state) => {
    const status = {
      name: 'c',
      image: 'c',
      imageID: '',
      ready: false,
      restartCount,
      state: { terminated: { exitCode } },
    };
    const pod = {
      metadata: { name: 'c-1', annotations: { 'timonel.dev/restart': restart } },
      status: { phase: 'Running', containerStatuses: [status] },
    };
    const [container] = containersOf({ pods: [pod], workloads: [], services: [], isLocal: true });
    expect(container).toMatchObject({ state, exitCode });
  });
});
