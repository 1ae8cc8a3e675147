import { afterAll, describe, expect, it } from 'vitest';
import { installedKubectls } from '../support/kubectl.ts';
import { createSideBySide } from '../support/side-by-side.ts';

/** `config` changes and shows kubeconfig files as kubectl does: each of the two works on a file of its own. */
const [path] = installedKubectls();
const encoded = Buffer.from('pem').toString('base64');
const kubeconfig = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'dev',
  clusters: [{ name: 'dev', cluster: { server: 'https://127.0.0.1:1', 'certificate-authority-data': encoded } }],
  users: [{ name: 'dev', user: { 'client-certificate-data': encoded, 'client-key-data': encoded } }],
  contexts: [{ name: 'dev', context: { cluster: 'dev', user: 'dev' } }],
});

describe.skipIf(path === undefined)('as kubectl keeps kubeconfigs', () => {
  const side = createSideBySide(path ?? '', kubeconfig);
  side.file('ca.crt', 'a certificate');
  afterAll(() => side.close());

  // Each line goes on with what the ones before it left.
  it.each([
    'config view',
    'config view --raw',
    'config get-contexts',
    'config get-clusters',
    'config get-users',
    'config current-context',
    'config use-context nope',
    'config set-context stage --cluster=stage --user=me --namespace=n',
    'config set-context stage --namespace=m',
    'config set-context --current --namespace=z',
    'config set-context',
    'config set-context stage --current',
    'config set-cluster stage --server=https://x:1 --insecure-skip-tls-verify=true',
    'config view -o jsonpath={.clusters[1].cluster}',
    'config set-cluster stage --certificate-authority={ca.crt} --insecure-skip-tls-verify',
    'config set-cluster stage --certificate-authority={ca.crt}',
    'config view',
    'config set-cluster stage --certificate-authority={ca.crt} --embed-certs --tls-server-name=y',
    'config set-cluster stage --certificate-authority=nope --embed-certs',
    'config set-credentials me --token=t',
    'config set-credentials me --token=t --username=a',
    'config view',
    'config set-credentials me --username=a --password=b',
    'config set-credentials other --client-certificate={ca.crt} --client-key={ca.crt}',
    'config view --raw',
    'config view --flatten',
    'config use-context stage',
    'config view --minify',
    'config view --minify --context=dev -o jsonpath={.clusters[*].name}',
    'config get-contexts stage',
    'config get-contexts stage --no-headers',
    'config get-contexts stage nope',
    'config get-contexts -o name',
    'config rename-context stage prod',
    'config current-context',
    'config rename-context nope b',
    'config rename-context prod dev',
    'config set contexts.prod.namespace shop',
    'config set clusters.stage.server https://z',
    'config unset users.other',
    'config unset nope',
    'config view',
    'config delete-context prod',
    'config delete-context nope',
    'config delete-cluster stage',
    'config delete-user nope',
    'config get-contexts',
    'config unset current-context',
    'config current-context',
    'config view',
    'config unset users.dev',
    'config use-context dev',
    'config view --minify',
  ])('%s', async (line) => {
    const { theirs, ours } = await side.both(line);
    expect(ours).toEqual(theirs);
  });
});
