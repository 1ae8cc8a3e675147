import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConnection } from './kubeconfig-file.ts';
import { selectContext } from './kubeconfig.ts';

const certificate = Buffer.from('CERT').toString('base64');
const config = (name: string, more = ''): string => `
apiVersion: v1
kind: Config
current-context: ${name}
clusters:
- {name: ${name}, cluster: {server: 'https://${name}:6443', certificate-authority: ca.pem}}
users:
- {name: ${name}, user: {client-certificate-data: ${certificate}, client-key: keys/key.pem${more}}}
contexts:
- {name: ${name}, context: {cluster: ${name}, user: ${name}, namespace: ns-${name}}}
`;
const file = (path: string, text: string) => ({ path, directory: `/dir-of-${path}`, text });

describe('a kubeconfig', () => {
  it('gives the current context with its cluster and user', () => {
    expect(selectContext([file('a', config('one'))])).toEqual({
      context: 'one',
      namespace: 'ns-one',
      server: 'https://one:6443',
      insecureSkipTlsVerify: false,
      certificateAuthority: { kind: 'file', path: 'ca.pem', directory: '/dir-of-a' },
      clientCertificate: { kind: 'text', text: 'CERT' },
      clientKey: { kind: 'file', path: 'keys/key.pem', directory: '/dir-of-a' },
    });
  });

  it('is merged from several files, of which the first that says something counts', () => {
    const files = [file('a', config('one')), file('b', config('two'))];
    expect(selectContext(files).server).toBe('https://one:6443');
    expect(selectContext(files, 'two')).toMatchObject({ namespace: 'ns-two', clientKey: { directory: '/dir-of-b' } });
    const again = file('c', config('one').replace('https://one', 'https://other'));
    expect(selectContext([...files, again]).server).toBe('https://one:6443');
    expect(selectContext([file('empty', ''), ...files]).context).toBe('one');
  });

  it('says in one sentence what is missing', () => {
    const files = [file('a', config('one')), file('b', config('two'))];
    expect(() => selectContext(files, 'three')).toThrow('context three does not exist in a, b; there are: one, two');
    expect(() => selectContext([file('a', 'kind: Config')])).toThrow('no context is selected in a');
    expect(() => selectContext([file('a', 'kind: Pod')])).toThrow('a is not a kubeconfig: its kind is "Pod"');
    expect(() => selectContext([file('a', 'a: [')])).toThrow('a is not valid YAML');
    expect(() => selectContext([file('a', config('one').replace('cluster: one', 'cluster: x'))])).toThrow(
      'cluster "x"',
    );
  });
});

describe('loadConnection', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubeconfig-load-'));
    await mkdir(join(directory, 'keys'));
    await writeFile(join(directory, 'ca.pem'), 'CA');
    await writeFile(join(directory, 'keys/key.pem'), 'KEY');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('reads the files that a kubeconfig names, from where it lies', async () => {
    await writeFile(join(directory, 'config'), config('one'));
    const environment = { KUBECONFIG: `${join(directory, 'missing')}:${join(directory, 'config')}` };
    expect(await loadConnection({ environment })).toEqual({
      connection: {
        ...{ server: 'https://one:6443', insecureSkipTlsVerify: false },
        ...{ certificateAuthority: 'CA', clientCertificate: 'CERT', clientKey: 'KEY' },
      },
      namespace: 'ns-one',
      context: 'one',
    });
  });

  it('asks a credential plugin', async () => {
    const script = [
      'const {spec} = JSON.parse(process.env.KUBERNETES_EXEC_INFO)',
      'console.log(JSON.stringify({status: {token: process.env.SAY + spec.interactive}}))',
    ].join('; ');
    const args = `['-e', '${script}'], env: [{name: SAY, value: t-}]`;
    const plugin = `, exec: {command: ${process.execPath}, args: ${args}}`;
    await writeFile(join(directory, 'config'), config('one', plugin));
    const { connection } = await loadConnection({ file: join(directory, 'config'), environment: {} });
    expect(connection.token).toBe('t-false');
  });

  it('says which file cannot be read, and what to do where there is none', async () => {
    const missing = join(directory, 'missing');
    await expect(loadConnection({ file: missing, environment: {} })).rejects.toThrow(`${missing}: it does not exist`);
    await expect(loadConnection({ environment: { HOME: directory } })).rejects.toThrow(
      `there is no kubeconfig (looked for ${directory}/.kube/config)`,
    );
    await rm(join(directory, 'ca.pem'));
    await writeFile(join(directory, 'config'), config('one'));
    await expect(loadConnection({ file: join(directory, 'config'), environment: {} })).rejects.toThrow(/ca\.pem/);
  });
});
