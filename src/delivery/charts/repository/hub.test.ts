import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseHubAnswer, searchHub } from './hub.ts';

let server: Server;
let endpoint: string;
let asked: string[];
let answer: { status: number; text: string };

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(answer.status).end(answer.text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => server.close());

const lake = {
  id: 'water/lake',
  attributes: { description: 'Still water', repo: { name: 'water', url: 'https://water.example' } },
  relationships: { latestChartVersion: { data: { version: '2.1.0', app_version: '7' } } },
};

it('finds charts, with the pages that a hub has of them', async () => {
  const page = 'https://hub.example/packages/river';
  answer = { status: 200, text: JSON.stringify({ data: [lake, { id: 'river', artifactHub: { packageUrl: page } }] }) };
  const shown = { version: '2.1.0', app_version: '7', description: 'Still water' };
  expect(await searchHub(`${endpoint}/`, 'still water&x')).toEqual([
    { url: `${endpoint}/charts/water/lake`, ...shown, repository: lake.attributes.repo },
    { url: page, ...{ version: '', app_version: '', description: '' }, repository: { url: '', name: '' } },
  ]);
  expect(asked).toEqual(['/api/chartsvc/v1/charts/search?q=still+water%26x']);
});

it('says what a hub answered instead', async () => {
  answer = { status: 503, text: '' };
  await expect(searchHub(endpoint, 'x')).rejects.toThrow(`${endpoint} answered with status 503`);
  expect(() => parseHubAnswer('<html>', 'hub')).toThrow('hub gave no JSON');
  expect(() => parseHubAnswer('{"data":{}}', 'hub')).toThrow('hub gave no list of charts');
  await expect(searchHub('nowhere', 'x')).rejects.toThrow('unable to create connection to "nowhere"');
});
