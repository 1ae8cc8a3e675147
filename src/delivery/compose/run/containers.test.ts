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
    expect(publishersOf('web', services)).toEqual([
      { hostIp: '0.0.0.0', hostPort: 3005, target: 80, protocol: 'tcp' },
      { hostIp: '127.0.0.1', hostPort: 53, target: 5353, protocol: 'udp' },
    ]);
  });

  it('is the node port where the file leaves it open', () => {
    const [, service] = published('[80]') as [Service, Service];
    const [port] = service.spec?.ports ?? [];
    const live = { ...service, spec: { ...service.spec, ports: [{ ...port, port: 80, nodePort: 31000 }] } };
    expect(publishersOf('web', [live])).toEqual([
      { hostIp: '127.0.0.1', hostPort: 31000, target: 80, protocol: 'tcp' },
    ]);
  });
});

describe('the containers of a project', () => {
  it('have one line for a service that was stopped', () => {
    const { project, tree } = load('services:\n  web:\n    image: web\n    command: serve\n');
    const { workloads } = translate(project, tree, { files: memoryFiles({}) });
    const web = workloads['web'];
    if (!web) throw new Error('no workload');
    const [container] = containersOf([], [{ kind: 'Deployment', service: 'web', name: 'web', object: web }], []);
    expect(container).toMatchObject({ name: 'web', service: 'web', state: 'exited', command: 'serve', image: 'web' });
  });
});
