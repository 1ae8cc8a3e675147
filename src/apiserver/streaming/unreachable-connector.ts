import { ApiError } from '../../api/status.ts';
import type { Backend, NodeConnector } from './node-connector.ts';

const nowhere: Backend = {
  send: () => Promise.reject(ApiError.of('ServiceUnavailable', 'simulated nodes run no programs to talk to')),
};

/** For clusters whose nodes are simulated: there is nothing to exec into, and nobody who listens. */
export const unreachableConnector: NodeConnector = { node: () => nowhere, address: () => nowhere };
