import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Store } from '../../store/store.ts';
import { createStoreLookup } from '../admission/store-lookup.ts';
import type { Endpoint } from '../endpoint.ts';
import { createExecEndpoint } from './exec.ts';
import { createLogEndpoint } from './logs.ts';
import type { NodeConnector } from './node-connector.ts';
import { createPortForwardEndpoint } from './port-forward.ts';
import { createProxyEndpoints } from './proxy.ts';

/**
 * pods/exec, attach, portforward, log; pods, services and nodes/proxy: everything that goes through the API server to
 * a node.
 */
export function createStreamingEndpoints(options: {
  store: Store;
  connector: NodeConnector;
  clock: Clock;
  random: Random;
}): Endpoint[] {
  const { store, connector, clock, random } = options;
  const lookup = createStoreLookup(store, clock);
  return [
    createExecEndpoint(lookup, connector, 'exec'),
    createExecEndpoint(lookup, connector, 'attach'),
    createPortForwardEndpoint(lookup, connector),
    createLogEndpoint(lookup, connector),
    ...createProxyEndpoints({ lookup, connector, random }),
  ];
}
