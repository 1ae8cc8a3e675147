import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core-v1.ts';
import { conflictsOf } from './port-conflicts.ts';

function published(namespace: string, hostPorts: string): Service {
  return {
    metadata: { name: 'web-published', namespace, annotations: { 'timonel.dev/host-ports': hostPorts } },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }] },
  };
}

const port = (hostPort: number, ip?: string) => ({ hostPort, port: 80, protocol: 'tcp', ...(ip && { ip }) });

describe('ports of the machine', () => {
  it('are in conflict with those of other projects, at the same address', () => {
    const other = published('other', '127.0.0.1:8080:80');
    expect(conflictsOf([port(8080)], [other], 'own').rivals).toEqual([{ port: port(8080), of: other }]);
    expect(conflictsOf([port(8080, '10.0.0.1'), port(8081)], [other], 'own').rivals).toEqual([]);
  });

  it("are free, or this project's own already", () => {
    const wanted = [port(8080), port(8081)];
    expect(conflictsOf(wanted, [published('own', '8080:80')], 'own')).toEqual({ rivals: [], free: [port(8081)] });
  });
});
