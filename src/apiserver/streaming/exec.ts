import { ApiError } from '../../api/status.ts';
import type { Lookup } from '../admission/lookup.ts';
import type { Endpoint, ResolvedRequest } from '../endpoint.ts';
import type { ApiResponse } from '../handler.ts';
import { negotiate, wantedStreams } from './channels.ts';
import type { ChannelProtocol } from './channels.ts';
import type { Backend, NodeConnector } from './node-connector.ts';
import { passThrough } from './pass-through.ts';
import { chooseContainer, findPod, nodeOf } from './pod-target.ts';
import { SpdySession } from './spdy-session.ts';
import { translate } from './translator.ts';
import { isWebSocket, offeredProtocols, webSocketAnswer } from './websocket.ts';

/** GET and POST pods/exec and pods/attach. SPDY goes through as bytes, WebSockets are translated to SPDY here. */
export function createExecEndpoint(lookup: Lookup, connector: NodeConnector, subresource: 'exec' | 'attach'): Endpoint {
  return {
    group: '',
    plural: 'pods',
    subresource,
    async handle(resolved) {
      const { request, namespace, name } = resolved;
      const { query } = request;
      if (subresource === 'exec' && !query.has('command')) {
        throw ApiError.of('BadRequest', 'you must specify at least 1 command for the container');
      }
      const { streams, tty } = wantedStreams(query);
      if (streams.length === 0) {
        throw ApiError.of('BadRequest', 'you must specify at least one of stdin, stdout, stderr');
      }
      const pod = await findPod(lookup, namespace, name);
      const container = chooseContainer(pod, query.get('container'));
      const backend = connector.node(await nodeOf(lookup, pod));
      const path = nodePath(subresource, `${namespace}/${name}/${container}`, query);
      return isWebSocket(request)
        ? overWebSocket({ resolved, backend, path, streams, tty })
        : overSpdy({ resolved, backend, path });
    },
  };
}

/** The kubelet calls the streams input, output and error. */
function nodePath(subresource: string, target: string, query: URLSearchParams): string {
  const { streams, tty } = wantedStreams(query);
  const forwarded = new URLSearchParams();
  for (const command of query.getAll('command')) forwarded.append('command', command);
  if (streams.includes('stdin')) forwarded.set('input', '1');
  if (streams.includes('stdout')) forwarded.set('output', '1');
  if (streams.includes('stderr')) forwarded.set('error', '1');
  if (tty) forwarded.set('tty', '1');
  return `/${subresource}/${target}?${forwarded.toString()}`;
}

async function overSpdy(options: { resolved: ResolvedRequest; backend: Backend; path: string }): Promise<ApiResponse> {
  const { resolved, backend, path } = options;
  const { headers, method } = resolved.request;
  if (!headers.upgrade) throw ApiError.of('BadRequest', 'Upgrade request required');
  const protocol = headers['x-stream-protocol-version'];
  const answer = await backend.send({
    method,
    path,
    upgrade: true,
    headers: {
      connection: 'Upgrade',
      upgrade: headers.upgrade,
      ...(protocol !== undefined && { 'x-stream-protocol-version': protocol }),
    },
  });
  return passThrough(answer);
}

async function overWebSocket(options: {
  resolved: ResolvedRequest;
  backend: Backend;
  path: string;
  streams: ReturnType<typeof wantedStreams>['streams'];
  tty: boolean;
}): Promise<ApiResponse> {
  const { resolved, backend, path, streams, tty } = options;
  const offered = offeredProtocols(resolved.request);
  const protocol: ChannelProtocol | undefined = negotiate(offered);
  if (!protocol) {
    throw ApiError.of('BadRequest', `unable to upgrade: none of the subprotocols is supported: ${offered.join(', ')}`);
  }
  const answer = await backend.send({
    method: 'POST',
    path,
    upgrade: true,
    headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' },
  });
  if (answer.kind === 'answer') return passThrough(answer);
  return webSocketAnswer(resolved.request, protocol.name, (socket, opening) => {
    const session = new SpdySession(answer.socket, answer.head);
    socket.once('close', () => session.close());
    void opening.then((client) => translate({ client, session, protocol, streams, tty }));
  });
}
