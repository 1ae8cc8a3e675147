import { expect, it } from 'vitest';
import type { Release } from './release.ts';
import { renderRelease } from './release-template.ts';

const release: Release = {
  ...{ name: 'shop', namespace: 'sales', version: 3, manifest: 'kind: Pod\n', labels: { team: 'blue' } },
  config: { replicas: 2, image: { tag: 'v1' } },
  info: {
    ...{ firstDeployed: '2026-03-01T08:30:00.5Z', lastDeployed: '2026-03-04T09:00:00+01:00', deleted: '' },
    ...{ description: 'Upgrade complete', status: 'deployed', notes: 'Thanks.' },
  },
  chart: {
    metadata: { apiVersion: 'v2', name: 'web', version: '1.2.3', appVersion: '9' },
    templates: [{ name: 'templates/pod.yaml', data: Buffer.from('kind: Pod') }],
    ...{ values: { replicas: 1 }, files: [] },
  },
  hooks: [
    {
      ...{ name: 'migrate', kind: 'Job', path: 'web/templates/job.yaml', manifest: 'kind: Job' },
      ...{
        events: ['pre-upgrade', 'post-install'],
        weight: -5,
        deletePolicies: ['hook-succeeded'],
        outputLogPolicies: [],
      },
      lastRun: { startedAt: '', completedAt: '', phase: 'Succeeded' },
    },
  ],
};

it.each([
  ['{{ .Release.Name }} {{ .Release.Namespace }} {{ .Release.Version }}', 'shop sales 3'],
  [
    '{{ .Release.Info.Status }}: {{ .Release.Info.Description }} ({{ .Release.Info.Notes }})',
    'deployed: Upgrade complete (Thanks.)',
  ],
  ['{{ .Release.Info.FirstDeployed }}', '2026-03-01 08:30:00.5 +0000 UTC'],
  ['{{ .Release.Info.FirstDeployed.Year }} {{ .Release.Info.Deleted.IsZero }}', '2026 true'],
  ['{{ .Release.Chart.Metadata.Name }}-{{ .Release.Chart.Metadata.Version }}', 'web-1.2.3'],
  [
    '{{ range .Release.Chart.Templates }}{{ .Name }}: {{ printf "%s" .Data }}{{ end }}',
    'templates/pod.yaml: kind: Pod',
  ],
  ['{{ .Release.Config.image.tag }} {{ .Release.Chart.Values.replicas }}', 'v1 1'],
  ['{{ .Release.Labels.team }}{{ .Release.Manifest }}', 'bluekind: Pod\n'],
  [
    '{{ range .Release.Hooks }}{{ .Name }} {{ .Events }} {{ .Weight }} {{ .LastRun.Phase }}{{ end }}',
    'migrate [pre-upgrade post-install] -5 Succeeded',
  ],
])('fills in %s', async (text, expected) => {
  expect(await renderRelease(text, release)).toBe(expected);
});

it('knows no field that a release has not, and no function but those of Go', async () => {
  await expect(renderRelease('{{ .Release.Nope }}', release)).rejects.toThrow("can't evaluate field Nope");
  await expect(renderRelease('{{ upper .Release.Name }}', release)).rejects.toThrow('function "upper" not defined');
});
