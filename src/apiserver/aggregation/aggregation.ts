import type { Client } from '../../client/client.ts';
import { createStoreLookup } from '../admission/store-lookup.ts';
import type { Core } from '../core.ts';
import { Aggregator } from './aggregator.ts';
import { ApiServices } from './api-services.ts';
import { RemoteOpenApi } from './remote-open-api.ts';
import { ExtensionServers, type FrontProxy } from './extension-servers.ts';

export interface AggregationOptions {
  frontProxy: FrontProxy;
  /** PEM of the authority that signs the certificates of clients: extension servers are asked directly, too. */
  clientAuthority: string;
}

export interface Aggregation {
  aggregator: Aggregator;
  openApi: RemoteOpenApi;
  /** `client` may do everything. */
  start(client: Client): Promise<void>;
  stop(): Promise<void>;
}

/** Other API servers behind this one: see {@link Aggregator} and {@link ApiServices}. */
export function createAggregation(core: Core, { frontProxy, clientAuthority }: AggregationOptions): Aggregation {
  const { store, kinds, clock, random, log } = core;
  const lookup = createStoreLookup(store, clock);
  const servers = new ExtensionServers({ lookup, clock, random, frontProxy });
  const aggregator = new Aggregator({ kinds, lookup, servers });
  const openApi = new RemoteOpenApi({ servers, clock, services: () => aggregator.available });
  let services: ApiServices | undefined;
  return {
    aggregator,
    openApi,
    async start(client) {
      const authentication = authenticationData(frontProxy.authority, clientAuthority);
      services = new ApiServices({ store, kinds, client, clock, log, aggregator, authentication });
      await services.start();
    },
    async stop() {
      await services?.stop();
      servers.close();
      lookup.close();
    },
  };
}

/** The data of `kube-system/extension-apiserver-authentication`, by which extension servers know whom to believe. */
function authenticationData(frontProxyAuthority: string, clientAuthority: string): Record<string, string> {
  return {
    'client-ca-file': clientAuthority,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-client-ca-file': frontProxyAuthority,
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-uid-headers': '["X-Remote-Uid"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  };
}
