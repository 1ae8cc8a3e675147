import { Readable } from 'node:stream';
import { ApiError, invalid } from '../../api/status.ts';
import type { StatusCause } from '../../api/types/meta-v1.ts';
import type { Lookup } from '../admission/lookup.ts';
import type { Endpoint } from '../endpoint.ts';
import type { ApiResponse } from '../handler.ts';
import type { BackendResponse, NodeConnector } from './node-connector.ts';
import { passThrough } from './pass-through.ts';
import { chooseContainer, findPod, nodeOf } from './pod-target.ts';
import { readOverWebSocket } from './read-over-websocket.ts';
import { isWebSocket } from './websocket.ts';

/** GET pods/log: `kubectl logs`, streamed through from the node. */
export function createLogEndpoint(lookup: Lookup, connector: NodeConnector): Endpoint {
  return {
    group: '',
    plural: 'pods',
    subresource: 'log',
    async handle({ request, namespace, name }) {
      const { query } = request;
      const causes = checkOptions(query);
      if (causes.length > 0) throw invalid('', 'PodLogOptions', name, causes);
      const pod = await findPod(lookup, namespace, name);
      const container = chooseContainer(pod, query.get('container'));
      // A pod that no node has yet has nothing to say, and that is no error.
      if (!pod.spec?.nodeName) return isWebSocket(request) ? readOverWebSocket(request, Readable.from([])) : nothing();
      const skipVerify = truth(query.get('insecureSkipTLSVerifyBackend'));
      const backend = connector.node(await nodeOf(lookup, pod), { skipVerify });
      const path = `/containerLogs/${namespace}/${name}/${container}${nodeQuery(query)}`;
      const answer = await backend.send({ method: 'GET', path, headers: {}, signal: request.signal });
      if (answer.kind === 'answer' && answer.status >= 400) throw await failure(answer);
      if (answer.kind === 'answer' && isWebSocket(request)) return readOverWebSocket(request, answer.body);
      const response = passThrough(answer);
      return { ...response, headers: { 'content-type': 'text/plain' } };
    },
  };
}

function nothing(): ApiResponse {
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: { kind: 'bytes', bytes: new Uint8Array(0) } };
}

function nodeQuery(query: URLSearchParams): string {
  const forwarded = new URLSearchParams();
  for (const name of ['follow', 'previous', 'timestamps']) if (truth(query.get(name))) forwarded.set(name, 'true');
  for (const name of ['sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes', 'stream']) {
    const value = query.get(name);
    if (value) forwarded.set(name, value);
  }
  const text = forwarded.toString();
  return text && `?${text}`;
}

function truth(value: string | null): boolean {
  return value === '' ? true : ['1', 't', 'true'].includes((value ?? '').toLowerCase());
}

function checkOptions(query: URLSearchParams): StatusCause[] {
  const causes: StatusCause[] = [];
  const wrong = (field: string, text: string): void => {
    const message = `Invalid value: ${JSON.stringify(query.get(field))}: ${text}`;
    causes.push({ reason: 'FieldValueInvalid', message, field });
  };
  const number = (field: string, least: number, text: string): void => {
    const value = query.get(field);
    if (value === null || value === '') return;
    if (!/^-?\d+$/.test(value))
      throw ApiError.of('BadRequest', `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    if (Number(value) < least) wrong(field, text);
  };
  number('tailLines', 0, 'must be greater than or equal to 0');
  number('limitBytes', 1, 'must be greater than 0');
  number('sinceSeconds', 1, 'must be greater than 0');
  if (query.get('sinceSeconds') && query.get('sinceTime')) {
    const message = 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified';
    causes.push({ reason: 'FieldValueForbidden', message, field: '' });
  }
  const stream = query.get('stream');
  if (stream && !['All', 'Stdout', 'Stderr'].includes(stream)) {
    const message = `Unsupported value: ${JSON.stringify(stream)}: supported values: "All", "Stderr", "Stdout"`;
    causes.push({ reason: 'FieldValueNotSupported', message, field: 'stream' });
  }
  return causes;
}

/** The node's refusal (`container "web" in pod "web" is waiting to start: ContainerCreating`) as the API's. */
async function failure(answer: Extract<BackendResponse, { kind: 'answer' }>): Promise<ApiError> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString().trim();
  const reason = answer.status === 404 ? 'NotFound' : answer.status === 400 ? 'BadRequest' : 'InternalError';
  return ApiError.of(reason, text || `the node answered ${answer.status}`);
}
