import { createHash } from 'node:crypto';
import { apiVersionOf } from '../api/object.ts';
import type { RemoteVersion } from './aggregation/remote-discovery.ts';
import { aggregatedDiscovery, apiGroup, apiResources, groupsOf } from './discovery.ts';
import type { GroupInfo } from './discovery.ts';
import { discoveryFormatOf } from './format.ts';
import type { Format } from './format.ts';
import type { ApiRequest, ApiResponse, ResponseBody } from './handler.ts';
import type { KindIndex } from './kind-index.ts';
import { encodeBody } from './respond.ts';

const metaTypes = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const aggregatedType = 'io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList';

/** Answers `/api`, `/apis` and what is below them and no object; undefined: not a path of these. */
export type DiscoveryHandler = (request: ApiRequest) => ApiResponse | undefined;

export function createDiscovery(
  kinds: KindIndex,
  { serverAddress, remote }: { serverAddress: () => string; remote: () => readonly RemoteVersion[] },
): DiscoveryHandler {
  let elsewhere = remote();
  let groups = groupsOf(kinds, elsewhere);
  let seen = kinds.all;
  const core: GroupInfo[] = [{ name: '', versions: ['v1'] }];
  const aggregated = new Map<string, { body: ResponseBody; etag: string }>();
  return (request) => {
    const [root, ...parts] = request.path.split('/').filter((part) => part !== '');
    if (root !== 'api' && root !== 'apis') return undefined;
    if (seen !== kinds.all || elsewhere !== remote()) {
      seen = kinds.all;
      elsewhere = remote();
      groups = groupsOf(kinds, elsewhere);
      aggregated.clear();
    }
    if (parts.length === 0) {
      const format = discoveryFormatOf(request, true);
      if (format.isAggregated) return respondAggregated(request, format, root);
      return plain(format, root === 'api' ? versions() : groupList());
    }
    return respondBelow(request, root, parts);
  };

  function respondBelow(request: ApiRequest, root: string, parts: readonly string[]): ApiResponse | undefined {
    const [first = '', second] = parts;
    const format = (): Format => discoveryFormatOf(request, false);
    if (root === 'apis' && second === undefined) {
      const group = groups.find(({ name }) => name === first);
      return group && plain(format(), { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) });
    }
    const [group, version] = root === 'api' ? ['', first] : [first, second ?? ''];
    if (parts.length > (root === 'api' ? 1 : 2) || !kinds.hasVersion(group, version)) return undefined;
    const resources = apiResources(kinds, group, version);
    const groupVersion = apiVersionOf(group, version);
    return plain(format(), { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources });
  }

  function versions(): object {
    const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress: serverAddress() }];
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs };
  }

  function groupList(): object {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(apiGroup) };
  }

  function respondAggregated(request: ApiRequest, format: Format, root: string): ApiResponse {
    const key = `${root} ${format.media}`;
    let document = aggregated.get(key);
    if (!document) {
      const list = aggregatedDiscovery(kinds, root === 'api' ? core : groups, elsewhere);
      const bytes = Buffer.from(JSON.stringify(list));
      const etag = `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`;
      const body =
        format.media === 'json' ? ({ kind: 'bytes', bytes } as const) : encodeBody(list, format, aggregatedType);
      aggregated.set(key, (document = { body, etag }));
    }
    const { body, etag } = document;
    const headers = { 'content-type': format.contentType, etag, vary: 'Accept' };
    if (request.headers['if-none-match'] === etag) return { status: 304, headers, body: { kind: 'none' } };
    return { status: 200, headers, body };
  }
}

function plain(format: Format, object: object): ApiResponse {
  const { kind = '' } = object as { kind?: string };
  const headers = { 'content-type': format.contentType, 'cache-control': 'no-cache, private', vary: 'Accept' };
  return { status: 200, headers, body: encodeBody(object, format, `${metaTypes}${kind}`) };
}
