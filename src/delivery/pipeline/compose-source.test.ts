import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnyObject } from '../../api/object.ts';
import { asShipError, composeObjects } from './compose-source.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'timonel-compose-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const reference = 'localhost:5000/web:3f';
function objectsOf(text: string): { objects: AnyObject[]; warnings: string[] } {
  writeFileSync(join(directory, 'compose.yaml'), text);
  const warnings: string[] = [];
  const objects = asShipError(() =>
    composeObjects({
      ...{ path: 'compose.yaml', directory, name: 'shop', environment: { TAG: '7' } },
      images: new Map([['web', { reference, repository: 'localhost:5000/web', tag: '3f' }]]),
      warn: (message) => warnings.push(message),
    }),
  );
  return { objects: objects as AnyObject[], warnings };
}

describe('a compose file that is shipped', () => {
  it('runs what was built, in the namespace of the release', () => {
    const { objects, warnings } = objectsOf(`
services:
  web: {build: web, ports: ["8080:80"], depends_on: [cache]}
  cache: {image: "redis:\${TAG}"}
`);
    const images = objects
      .filter(({ kind }) => kind === 'Deployment')
      .map((object) => (object['spec'] as { template: { spec: { containers: { image: string }[] } } }).template.spec)
      .map(({ containers }) => containers[0]?.image);
    expect(images).toEqual(['redis:7', reference]);
    expect(objects.filter(({ kind, metadata }) => kind === 'Namespace' || metadata.namespace !== undefined)).toEqual(
      [],
    );
    expect(warnings).toContain('depends_on is an order of commands: web start with all others');
  });

  it('builds nothing that timonel.yaml does not name, and mounts nothing of this machine', () => {
    expect(() => objectsOf('services: {job: {build: job}}')).toThrow(
      'compose.yaml: services.job.build: there is no image of that name',
    );
    expect(() => objectsOf('services: {db: {image: x, volumes: ["./data:/data"]}}')).toThrow(
      /compose.yaml:1: services.db.volumes/,
    );
  });
});
