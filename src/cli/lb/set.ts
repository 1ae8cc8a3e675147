import { balancingAnnotations, hostPortsAnnotation, parseWeights } from '../../api/load-balancing.ts';
import { services } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';
import { existingService, type Where, withCluster } from './connection.ts';

export interface SetOptions extends Where {
  algorithm?: string;
  weight: string[];
  hostPort: string[];
}

/** Weights alone make the balancer a weighted one; another algorithm keeps them for later. */
export async function set(name: string, options: SetOptions): Promise<void> {
  const { algorithm, weight, hostPort } = options;
  const wrong = weight.find((text) => parseWeights(text).length !== text.split(',').length);
  if (wrong !== undefined) {
    const hint = 'A weight is NAME:NUMBER, by a pod or by a label: web-0:3, version=v1:90';
    throw new CliError(`"${wrong}" is no weight`, { hint, exitCode: 2 });
  }
  const chosen = algorithm ?? (weight.length > 0 ? 'weighted' : undefined);
  const annotations = {
    ...(chosen !== undefined && { [balancingAnnotations.algorithm]: chosen }),
    ...(weight.length > 0 && { [balancingAnnotations.weights]: weight.join(',') }),
    ...(hostPort.length > 0 && { [hostPortsAnnotation]: hostPort.join(',') }),
  };
  if (Object.keys(annotations).length === 0) {
    throw new CliError('nothing to set', { hint: 'Say --algorithm, --weight or --host-port.', exitCode: 2 });
  }
  await withCluster(options, async (client, namespace) => {
    await existingService(client, namespace, name);
    const document = { metadata: { annotations } };
    await client.patch(services, { namespace, name }, { kind: 'merge', document });
  });
  createOutput().message(`Load balancer ${name} is set.`);
}
