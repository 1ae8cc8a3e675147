import { createHash } from 'node:crypto';
import { apiVersionOf } from '../api/object.ts';
import type { RemoteVersion } from './aggregation/remote-discovery.ts';
import { aggregatedDiscovery, apiGroup, apiResources, groupsOf } from './discovery.ts';
import type { GroupInfo } from './discovery.ts';
import { plainFormatOf } from './format.ts';
import type { ApiRequest, ApiResponse } from './handler.ts';
import type { KindIndex } from './kind-index.ts';
import { encodeBody } from './respond.ts';

const metaTypes = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

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
  const aggregated = new Map<string, { bytes: Uint8Array; etag: string }>();
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
      const version = aggregatedVersion(request);
      if (version) return respondAggregated(request, version, root);
      return plain(request, root === 'api' ? versions() : groupList());
    }
    return respondBelow(request, root, parts);
  };

  function respondBelow(request: ApiRequest, root: string, parts: readonly string[]): ApiResponse | undefined {
    const [first = '', second] = parts;
    if (root === 'apis' && second === undefined) {
      const group = groups.find(({ name }) => name === first);
      return group && plain(request, { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) });
    }
    const [group, version] = root === 'api' ? ['', first] : [first, second ?? ''];
    if (parts.length > (root === 'api' ? 1 : 2) || !kinds.hasVersion(group, version)) return undefined;
    const resources = apiResources(kinds, group, version);
    const groupVersion = apiVersionOf(group, version);
    return plain(request, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources });
  }

  function versions(): object {
    const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress: serverAddress() }];
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs };
  }

  function groupList(): object {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(apiGroup) };
  }

  function respondAggregated(request: ApiRequest, version: string, root: string): ApiResponse {
    const key = `${root} ${version}`;
    let document = aggregated.get(key);
    if (!document) {
      const list = aggregatedDiscovery(kinds, root === 'api' ? core : groups, { version, remote: elsewhere });
      const bytes = Buffer.from(JSON.stringify(list));
      const etag = `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`;
      aggregated.set(key, (document = { bytes, etag }));
    }
    const headers = {
      'content-type': `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      etag: document.etag,
      vary: 'Accept',
    };
    if (request.headers['if-none-match'] === document.etag) return { status: 304, headers, body: { kind: 'none' } };
    return { status: 200, headers, body: { kind: 'bytes', bytes: document.bytes } };
  }
}

function plain(request: ApiRequest, object: object): ApiResponse {
  const format = plainFormatOf(request);
  const { kind = '' } = object as { kind?: string };
  const headers = { 'content-type': format.contentType, 'cache-control': 'no-cache, private', vary: 'Accept' };
  return { status: 200, headers, body: encodeBody(object, format, `${metaTypes}${kind}`) };
}

/** The version of the aggregated form that the client asks for before any other, if it does. */
function aggregatedVersion({ headers }: ApiRequest): string | undefined {
  for (const clause of (headers.accept ?? '').split(',')) {
    const [type, ...parameters] = clause.split(';').map((part) => part.trim());
    if (type !== 'application/json') continue;
    if (!parameters.some((parameter) => parameter.startsWith('as='))) return undefined;
    if (!parameters.includes('as=APIGroupDiscoveryList') || !parameters.includes('g=apidiscovery.k8s.io')) continue;
    const version = parameters.find((parameter) => parameter.startsWith('v='))?.slice(2);
    if (version === 'v2' || version === 'v2beta1') return version;
  }
  return undefined;
}
