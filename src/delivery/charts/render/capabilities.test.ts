import { expect, it } from 'vitest';
import { parseTemplates } from '../template/engine.ts';
import { settle } from '../template/pause.ts';
import { capabilitiesStruct, normalKubeVersion, offlineCapabilities } from './capabilities.ts';

async function rendered(text: string, kubeVersion?: string, more?: string[]): Promise<string> {
  const templates = parseTemplates([{ name: 't', text }], {});
  return settle(() => templates.execute('t', capabilitiesStruct(offlineCapabilities(kubeVersion, more))));
}

it('without a cluster there are groups and versions, and no kinds but those that are given', async () => {
  const text =
    '{{ .APIVersions.Has "apps/v1" }} {{ .APIVersions.Has "apps/v1/Deployment" }} {{ .APIVersions.Has "a/v1/B" }}';
  expect(await rendered(text)).toBe('true false false');
  expect(await rendered(text, undefined, ['a/v1/B'])).toBe('true false true');
  expect(await rendered('{{ len .APIVersions }} {{ index .APIVersions 0 }} {{ index .APIVersions 56 }}')).toBe(
    '57 v1 apiextensions.k8s.io/v1',
  );
});

it.each([
  ['1.33.4-gke.1245000', 'v1.33.4 v1.33.4-gke.1245000 v1.33.4-gke.1245000 1 33'],
  ['v1.30', 'v1.30 v1.30 v1.30 1 30'],
  ['1.30.1+abc', 'v1.30.1 v1.30.1+abc v1.30.1+abc 1 30'],
])('what a vendor adds to a version does not print, and stays in .Version: %s', async (version, expected) => {
  const text = '{{ .KubeVersion }} {{ .KubeVersion.Version }} {{ .KubeVersion.GitVersion }} {{ .KubeVersion.Major }} ';
  expect(await rendered(`${text}{{ .KubeVersion.Minor }}`, version)).toBe(expected);
  expect(normalKubeVersion(offlineCapabilities(version).kubeVersion)).toBe(expected.split(' ')[0]);
});

it.each([
  ['1', 'illegal version string "1"'],
  ['x', 'could not parse "x" as version'],
  ['1.030', 'illegal zero-prefixed version component "030" in "1.030"'],
])('says why a version is none: %s', (version, problem) => {
  expect(() => offlineCapabilities(version)).toThrow(`invalid kube version '${version}': ${problem}`);
});

it('the version of a cluster prints as the cluster tells it', async () => {
  const templates = parseTemplates([{ name: 't', text: '{{ .KubeVersion }} {{ .KubeVersion.Minor }}' }], {});
  const capabilities = capabilitiesStruct({ kubeVersion: 'v1.36.0+vendor', apiVersions: ['v1'] });
  expect(await settle(() => templates.execute('t', capabilities))).toBe('v1.36.0+vendor 36');
});
