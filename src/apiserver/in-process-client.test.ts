import { expect, it } from 'vitest';
import type { ApiResponse, Handler, ResponseBody } from './handler.ts';
import { createInProcessClient } from './in-process-client.ts';

/** A client whose one answer is this stream, as the proxy to nodes, pods and services gives it. */
function clientOf(pipe: Extract<ResponseBody, { kind: 'stream' }>['pipe'], contentType: string) {
  const response: ApiResponse = {
    status: 200,
    headers: { 'content-type': contentType },
    body: { kind: 'stream', pipe },
  };
  const handler: Handler = () => Promise.resolve(response);
  return createInProcessClient(handler, { name: 'somebody', groups: [] });
}

it('collects what comes through a proxy', async () => {
  const pipe = (write: (chunk: Uint8Array) => boolean, end: (error?: Error) => void) => {
    write(Buffer.from('{"pods":'));
    write(Buffer.from('[]}'));
    end();
    return { close: () => undefined };
  };
  expect(await clientOf(pipe, 'application/json').raw('GET', '/proxy')).toEqual({ pods: [] });
  expect(await clientOf(pipe, 'text/plain').raw('GET', '/proxy')).toBe('{"pods":[]}');
});

it('fails where the answer is cut off', async () => {
  const pipe = (write: (chunk: Uint8Array) => boolean, end: (error?: Error) => void) => {
    write(Buffer.from('{"pods":'));
    end(new Error('the node is gone'));
    return { close: () => undefined };
  };
  await expect(clientOf(pipe, 'application/json').raw('GET', '/proxy')).rejects.toThrow('the node is gone');
});
