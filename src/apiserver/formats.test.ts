import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request } from '../../test/support/request.ts';
import type { Answer, Call } from '../../test/support/request.ts';
import { decodeProtobuf, encodeProtobuf } from '../api/protobuf.ts';
import { typeOfKind } from '../api/type-lookup.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';

const path = '/api/v1/namespaces/default/configmaps';
const protobuf = 'application/vnd.kubernetes.protobuf';
const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io';

describe('formats of answers', () => {
  let api: TestApiServer;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  const accepting = (accept: string, query = ''): Promise<Answer> =>
    send(`GET ${path}${query}`, { headers: { accept } });
  beforeEach(async () => {
    api = await startTestApiServer({ clock: createSimulatedClock(Date.UTC(2026, 0, 1)) });
    await send(`POST ${path}`, { body: { metadata: { name: 'a' }, data: { k: 'v' } } });
  });
  afterEach(() => api.close());

  it('prints tables with the columns of the kind', async () => {
    const accept = `${tableType},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`;
    const table = (await accepting(accept)).json();
    expect(table).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '1' },
      columnDefinitions: [
        { name: 'Name', type: 'string', format: 'name', priority: 0 },
        { name: 'Data' },
        { name: 'Age' },
      ],
      rows: [{ cells: ['a', 1, '0s'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'a' } } }],
    });
    const whole = (await accepting(accept, '?includeObject=Object')).json<{ rows: { object: object }[] }>();
    expect(whole.rows[0]?.object).toMatchObject({ kind: 'ConfigMap', data: { k: 'v' } });
    const none = (await accepting(accept, '?includeObject=None')).json<{ rows: { object: object }[] }>();
    expect(none.rows[0]?.object).toBeUndefined();
    expect((await accepting(accept, '?includeObject=Some')).status).toBe(400);
    expect((await accepting(accept, '/a')).json()).toMatchObject({ kind: 'Table', rows: [{ cells: ['a', 1, '0s'] }] });
  });

  it('answers with metadata alone', async () => {
    const accept = tableType.replace('Table', 'PartialObjectMetadataList');
    expect((await accepting(accept)).json()).toMatchObject({
      kind: 'PartialObjectMetadataList',
      items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'a' } }],
    });
    const one = (await accepting(tableType.replace('Table', 'PartialObjectMetadata'), '/a')).json();
    expect(Object.keys(one)).toEqual(['kind', 'apiVersion', 'metadata']);
  });

  it('speaks protobuf both ways', async () => {
    const answer = await accepting(protobuf, '/a');
    expect(answer.headers['content-type']).toBe(protobuf);
    expect(decodeProtobuf(answer.bytes, typeOfKind)).toMatchObject({ kind: 'ConfigMap', value: { data: { k: 'v' } } });
    expect(decodeProtobuf((await accepting(protobuf)).bytes, typeOfKind)).toMatchObject({ kind: 'ConfigMapList' });
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' }, data: { x: 'y' } };
    const body = encodeProtobuf(object, 'io.k8s.api.core.v1.ConfigMap', 'v1', 'ConfigMap');
    const created = await send(`POST ${path}`, { body, headers: { 'content-type': protobuf } });
    expect(created.json()).toMatchObject({ metadata: { name: 'b', namespace: 'default' }, data: { x: 'y' } });
    const missing = await accepting(protobuf, '/none');
    expect(decodeProtobuf(missing.bytes, typeOfKind)).toMatchObject({ kind: 'Status', value: { code: 404 } });
    const options = encodeProtobuf(
      { gracePeriodSeconds: 0 },
      'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
      'v1',
      'DeleteOptions',
    );
    expect((await send(`DELETE ${path}/b`, { body: options, headers: { 'content-type': protobuf } })).status).toBe(200);
  });

  it('answers YAML', async () => {
    const text = (await accepting('application/yaml', '/a')).bytes.toString('utf8');
    expect(text).toMatch(/^apiVersion: v1\ndata:\n {2}k: v\nkind: ConfigMap\nmetadata:\n/);
  });

  it('prints prettily for people', async () => {
    const pretty = async (query: string, agent: string): Promise<boolean> => {
      const answer = await send(`GET ${path}/a${query}`, { headers: { 'user-agent': agent } });
      return answer.bytes.toString('utf8').includes('\n  "kind": "ConfigMap"');
    };
    expect(await pretty('', 'curl/8.0')).toBe(true);
    expect(await pretty('?pretty=false', 'curl/8.0')).toBe(false);
    expect(await pretty('', 'kubectl/1.32')).toBe(false);
    expect(await pretty('?pretty=true', 'kubectl/1.32')).toBe(true);
  });

  it('prefers the quality that the client prefers', async () => {
    const answer = await accepting('application/yaml;q=0.5, application/json;q=0.9', '/a');
    expect(answer.headers['content-type']).toBe('application/json');
    expect((await accepting('text/html, */*;q=0.1', '/a')).status).toBe(200);
  });

  it('refuses what it cannot answer in', async () => {
    const answer = await accepting('text/html', '/a');
    expect(answer.json()).toMatchObject({ code: 406, reason: 'NotAcceptable' });
    expect((await accepting('application/json;as=Unknown;v=v1;g=meta.k8s.io', '/a')).status).toBe(406);
  });
});
