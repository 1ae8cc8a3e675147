import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import type { Pod, Secret } from '../api/types/core-v1.ts';
import { imageCandidates, parseImageName } from './image-names.ts';
import { createImagePuller } from './image-puller.ts';
import { pullCredentials } from './pull-credentials.ts';
import { createSimulatedRuntime } from './simulated.ts';

const candidates = (text: string): string[] | undefined => {
  const name = parseImageName(text);
  return name && imageCandidates(name);
};

describe('image names', () => {
  it('are looked for under the names a user may mean', () => {
    expect(candidates('hello')).toEqual(['docker.io/library/hello:latest', 'localhost/hello:latest']);
    expect(candidates('me/app:1')).toEqual(['docker.io/me/app:1', 'localhost/me/app:1']);
    expect(candidates('localhost/hello')).toEqual(['localhost/hello:latest']);
    expect(candidates('registry.local:5000/a/b:1')).toEqual(['registry.local:5000/a/b:1']);
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(candidates(`nginx@${digest}`)?.[0]).toBe(`docker.io/library/nginx@${digest}`);
  });

  it('are refused when they are none', () => {
    for (const text of ['', 'UPPER', 'a b', 'a:', '/x', 'x:y:z', '-x']) expect(candidates(text), text).toBeUndefined();
  });
});

describe('pull credentials', () => {
  const secret = (auths: object): Secret => ({
    metadata: { name: 's' },
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  });
  const find = (auths: object, image: string): unknown => {
    const name = parseImageName(image);
    return name && pullCredentials([secret(auths)], name).map((auth) => auth.username);
  };

  it('are found by host, path, port and wildcard, the closest first', () => {
    const one = { username: 'one', password: 'x' };
    const two = { auth: Buffer.from('two:y').toString('base64') };
    expect(find({ 'https://index.docker.io/v1/': one }, 'nginx')).toEqual(['one']);
    expect(
      find({ 'registry.local:5000': one, 'registry.local:5000/team': two }, 'registry.local:5000/team/app'),
    ).toEqual(['two', 'one']);
    expect(find({ '*.example.com': one }, 'reg.example.com/app')).toEqual(['one']);
    expect(find({ 'registry.local:5000': one }, 'registry.local/app')).toEqual([]);
  });
});

describe('pulling', () => {
  const pod: Pod = { metadata: { name: 'p', namespace: 'default', uid: 'u1' } };

  function setup(options: { imported?: string } = {}) {
    const clock = createSimulatedClock();
    const runtime = createSimulatedRuntime({ clock, random: seededRandom(1) });
    const puller = createImagePuller({
      runtime,
      clock,
      backoff: { initialMs: 10_000, maxMs: 300_000 },
      maxParallelPulls: 1,
      isImported: async (reference) => reference === options.imported,
    });
    const events: string[] = [];
    const ensure = (image: string, imagePullPolicy?: string) =>
      puller.ensure({
        pod,
        image,
        pullPolicy: imagePullPolicy,
        secrets: [],
        record: (type, reason, message) => events.push(`${type} ${reason} ${message}`),
      });
    return { clock, runtime, ensure, events };
  }

  it('takes an imported image as it is, whatever the policy says', async () => {
    const { runtime, ensure, events } = setup({ imported: 'docker.io/library/hello:latest' });
    runtime.setImage('docker.io/library/hello:latest', 'present');
    expect(await ensure('hello', 'Always')).toMatchObject({ kind: 'present' });
    expect(events).toEqual([
      'Normal Pulled Container image "hello" already present on machine and can be accessed by the pod',
    ]);
  });

  it('takes what is on the node', async () => {
    const { ensure, events } = setup();
    expect(await ensure('app:1')).toMatchObject({ kind: 'present' });
    expect(events).toEqual([
      'Normal Pulled Container image "app:1" already present on machine and can be accessed by the pod',
    ]);
  });

  it('backs off from an image that does not come, and takes it at once when it is there', async () => {
    const { ensure, events, runtime, clock } = setup();
    for (const name of ['docker.io/library/gone:1', 'localhost/gone:1', 'gone:1']) runtime.setImage(name, 'missing');
    const first = await ensure('gone:1');
    expect(first).toMatchObject({ kind: 'failed', waiting: { reason: 'ErrImagePull' } });
    expect(await ensure('gone:1')).toMatchObject({
      kind: 'failed',
      waiting: {
        reason: 'ImagePullBackOff',
        message: expect.stringMatching(/^Back-off pulling image "gone:1": ErrImagePull: /) as string,
      },
      retryAtMs: clock.now() + 10_000,
    });
    expect(events.map((event) => event.split(' ').slice(0, 2).join(' '))).toEqual([
      'Normal Pulling',
      'Warning Failed',
      'Normal BackOff',
    ]);
    runtime.setImage('docker.io/library/gone:1', 'present');
    expect(await ensure('gone:1')).toMatchObject({ kind: 'present' });
  });

  it('never pulls when told not to, and says so', async () => {
    const { ensure, runtime } = setup();
    for (const name of ['docker.io/library/x:1', 'localhost/x:1', 'x:1']) runtime.setImage(name, 'missing');
    expect(await ensure('x:1', 'Never')).toEqual({
      kind: 'failed',
      waiting: {
        reason: 'ErrImageNeverPull',
        message: 'Container image "x:1" is not present with pull policy of Never',
      },
    });
  });

  it('refuses a name that is none', async () => {
    const { ensure } = setup();
    expect(await ensure('Bad Name')).toMatchObject({ kind: 'failed', waiting: { reason: 'InvalidImageName' } });
  });
});
