import { describe, expect, it } from 'vitest';
import { treeOf, type TestFiles } from '../../../test/support/compose.ts';
import { modelForm, type ModelFormOptions } from './model-form.ts';
import type { Mapping } from './tree.ts';

// What `docker compose config --no-interpolate` (2.40) makes of a file.

function form(files: TestFiles | string, options: Partial<ModelFormOptions> = {}): Record<string, Mapping> {
  const paths = typeof files === 'string' ? ['/app/compose.yaml'] : Object.keys(files);
  const sources = paths.map((path) => ({ path }));
  const tree = treeOf(files, { interpolate: false, sources });
  const all = { name: 'p', variables: { SET: 'own' }, directory: '/app', normalise: true, ...options };
  return modelForm(tree, all) as Record<string, Mapping>;
}

const service = (keys: string, options: Partial<ModelFormOptions> = {}): Mapping => {
  const { services } = form(`services:\n  web:\n    image: i\n${keys.replace(/^/gm, '    ')}\n`, options);
  return services?.['web'] as Mapping;
};

describe('a file whose variables are not put in', () => {
  it.each<[string, object]>([
    ['ports: ["8080:80"]', { ports: [{ mode: 'ingress', target: 80, published: '8080', protocol: 'tcp' }] }],
    ['ports: ["8080:80", "$P:81"]', { ports: ['8080:80', '$P:81'] }],
    ['ports: [{target: $P}]', { ports: [{ mode: 'ingress', protocol: 'tcp', target: '$P' }] }],
    [
      'volumes: ["./a:/b:ro", "${D:-./x}:/y"]',
      {
        volumes: [
          { type: 'bind', source: '/app/a', target: '/b', read_only: true, bind: { create_host_path: true } },
          { type: 'volume', source: '${D:-./x}', target: '/y', volume: {} },
        ],
      },
    ],
    ['environment: {A: , SET: , N: 5}', { environment: { A: null, SET: 'own', N: 5 } }],
    ['environment: [A, SET, B=1]', { environment: ['A', 'SET=own', 'B=1'] }],
    ['build: .', { build: { context: '/app', dockerfile: 'Dockerfile' } }],
    ['build: {args: {A: , SET: }, ssh: [default]}', { build: { args: { SET: 'own' }, ssh: { default: null } } }],
    ['depends_on: [db]', { depends_on: { db: { condition: 'service_started', required: true } } }],
    ['links: [db:d]', { depends_on: { db: { condition: 'service_started', restart: true, required: true } } }],
    ['env_file: e', { env_file: [{ path: '/app/e', required: true }] }],
    ['secrets: [s]', { secrets: [{ source: 's', target: '/run/secrets/s' }] }],
    ['devices: ["/dev/a"]', { devices: [{ source: '/dev/a', target: '/dev/a', permissions: 'rwm' }] }],
    ['gpus: all', { gpus: [{ count: 'all' }] }],
    ['init: "$I"\ntty: true', { init: '$I', tty: true, networks: { default: null } }],
    ['network_mode: host', { network_mode: 'host' }],
  ])('%s', (keys, expected) => {
    expect(service(keys)).toMatchObject(expected);
  });

  it('has names and the default network, and no version', () => {
    const file =
      'version: "3"\nservices: {a: {image: i, volumes: [vol:/v]}}\nvolumes: {vol: , e: {external: {name: x}}}\n';
    expect(form(file)).toMatchObject({
      name: 'p',
      networks: { default: { name: 'p_default' } },
      volumes: { vol: { name: 'p_vol' }, e: { external: true, name: 'x' } },
    });
    expect(form(file)).not.toHaveProperty('version');
    expect(form(file, { normalise: false })).not.toHaveProperty('networks');
  });

  it('lists what is a list in a service that is extended, also in a file that is included', () => {
    const all = {
      '/app/compose.yaml': 'services: {a: {extends: {file: b.yaml, service: e}, labels: {l: $L}}}\n',
      '/app/b.yaml': 'services: {e: {image: i, environment: ["Z=$Z", "Y"], labels: ["k=$K"]}}\n',
      '/app/including.yaml': 'include: [compose.yaml]\n',
    };
    for (const path of ['/app/compose.yaml', '/app/including.yaml']) {
      const tree = treeOf(all, { interpolate: false, sources: [{ path }] });
      const made = modelForm(tree, { name: 'p', variables: {}, directory: '/app', normalise: true });
      expect(made).toMatchObject({ services: { a: { environment: ['Z=$Z', 'Y'], labels: ['k=$K', 'l=$L'] } } });
    }
  });

  it('lists what is merged of several files', () => {
    const files = {
      '/app/compose.yaml': 'services: {a: {image: i, environment: {A: 1, B: }, labels: {x: $Y}}}\n',
      '/app/b.yaml': 'services: {a: {environment: {A: 2}}}\n',
    };
    expect(form(files)['services']).toMatchObject({ a: { environment: ['A=2', 'B'], labels: { x: '$Y' } } });
  });
});
