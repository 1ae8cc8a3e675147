import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CertificateSigningRequest } from '../../src/api/types/certificates-v1.ts';
import { certificateSigningRequests } from '../../src/client/resources.ts';
import { requestFor } from '../support/signing-request.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld();
});
afterEach(() => world.stop());

const client = 'kubernetes.io/kube-apiserver-client';

async function approve(spec: CertificateSigningRequest['spec']): Promise<CertificateSigningRequest['status']> {
  const metadata = { name: 'csr' };
  const made = await world.client.create(certificateSigningRequests, { metadata, spec });
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Test' }];
  await world.client.update(
    certificateSigningRequests,
    { ...made, status: { conditions } },
    { subresource: 'approval' },
  );
  let status: CertificateSigningRequest['status'];
  await world.until('the signer has decided', async () => {
    ({ status } = await world.client.get(certificateSigningRequests, metadata));
    return Boolean(status?.certificate) || status?.conditions?.length === 2;
  });
  return status;
}

it('signs approved requests of clients, with their names, for as long as they ask', async () => {
  const usages = ['digital signature', 'client auth'];
  const spec = { request: requestFor('ann', 'dev'), signerName: client, usages, expirationSeconds: 3600 };
  const status = await approve(spec);
  const certificate = new X509Certificate(Buffer.from(status?.certificate ?? '', 'base64'));
  expect(certificate.subject).toBe('O=dev\nCN=ann');
  expect(certificate.issuer).toBe('CN=ca');
  expect(certificate.subjectAltName).toBe('DNS:a.example.com');
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(Date.parse(certificate.validTo) - world.clock.now()).toBeLessThanOrEqual(3600_000);
});

it('says why it does not sign', async () => {
  const wrong = await approve({ request: requestFor('ann', 'dev'), signerName: client, usages: ['server auth'] });
  expect(wrong?.conditions?.[1]).toMatchObject({ type: 'Failed', reason: 'SignerValidationFailure' });
  expect(wrong?.conditions?.[1]?.message).toContain('invalid usage "server auth"');
});

it('signs for nodes only what is theirs', async () => {
  const usages = ['digital signature', 'client auth'];
  const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
  const status = await approve({ request: requestFor('ann', 'system:nodes'), signerName, usages });
  expect(status?.conditions?.[1]?.message).toBe('common name must begin with system:node:');
});

it('takes no request that nobody could sign', async () => {
  const pem = Buffer.from(requestFor('ann', 'dev'), 'base64').toString();
  const der = Buffer.from(pem.split('\n')[1] ?? '', 'base64');
  const asPem = (bytes: Buffer): Buffer =>
    Buffer.from(
      `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`,
    );
  const forged = asPem(Buffer.from(der.toString('latin1').replace('ann', 'eve'), 'latin1'));
  const create = (request: Buffer): Promise<unknown> =>
    world.client.create(certificateSigningRequests, {
      metadata: { name: 'csr' },
      spec: { request: request.toString('base64'), signerName: client, usages: ['client auth'] },
    });
  await expect(create(Buffer.from('nothing'))).rejects.toThrow(
    'spec.request: Invalid value: "bm90aGluZw==": PEM block type must be CERTIFICATE REQUEST',
  );
  await expect(create(asPem(der.subarray(0, 40)))).rejects.toThrow('spec.request: Invalid value');
  await expect(create(forged)).rejects.toThrow('the signature of the certificate request is not that of its key');
  await create(asPem(der));
});
