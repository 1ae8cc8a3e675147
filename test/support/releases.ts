import { loadFiles } from '../../src/delivery/charts/chart/load-files.ts';
import { unpackChart } from '../../src/delivery/charts/chart/archive.ts';
import type { Chart, Values } from '../../src/delivery/charts/chart/chart.ts';
import type { ReleaseContext } from '../../src/delivery/charts/actions/context.ts';
import {
  checkInstall,
  installRelease,
  type InstallOptions,
  newRelease,
} from '../../src/delivery/charts/actions/install.ts';
import {
  findUpgradeBase,
  nextRelease,
  upgradeRelease,
  type UpgradeOptions,
  valuesForUpgrade,
} from '../../src/delivery/charts/actions/upgrade.ts';
import type { Release } from '../../src/delivery/charts/release/release.ts';
import { offlineCapabilities } from '../../src/delivery/charts/render/capabilities.ts';
import { prepareRelease } from '../../src/delivery/charts/render/prepare.ts';

const operation = {
  timeoutMs: 1000,
  wait: false,
  waitForJobs: false,
  noHooks: false,
  force: false,
  takeOwnership: false,
};
const installOptions: InstallOptions = {
  ...operation,
  ...{ name: 'web', rollbackOnFailure: false, createNamespace: false, skipCrds: false, labels: {}, replace: false },
};
const upgradeOptions: UpgradeOptions = {
  ...operation,
  ...{ name: 'web', rollbackOnFailure: false, cleanupOnFail: false, labels: {}, maxHistory: 10, valuesFrom: 'default' },
};
export const rollbackOptions = { ...operation, version: 0, cleanupOnFail: false, maxHistory: 10, description: '' };
export const uninstallOptions = {
  ...operation,
  ...{ keepHistory: false, propagationPolicy: 'Background' as const, description: '', ignoreNotFound: false },
};

/** A template of one object, whose color is a value. */
export const settings = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: {{ .Values.color }}}
`;

/** The chart `web` with these templates. */
export function chartOf(templates: Record<string, string>, values = 'color: red'): Promise<Chart> {
  const file = (name: string, text: string): { name: string; data: Uint8Array } => ({ name, data: Buffer.from(text) });
  return loadFiles(
    [
      file('Chart.yaml', 'apiVersion: v2\nname: web\nversion: 1.0.0\n'),
      file('values.yaml', values),
      ...Object.entries(templates).map(([name, text]) => file(`templates/${name}`, text)),
    ],
    unpackChart,
  );
}

/** Installs the release `web`, as the command does. */
export async function installChart(
  context: ReleaseContext,
  chart: Chart,
  { values = {}, ...more }: Partial<InstallOptions> & { values?: Values } = {},
): Promise<Release> {
  const options = { ...installOptions, ...more };
  const version = await checkInstall(context, options);
  const release = { name: 'web', namespace: 'default', revision: version, isUpgrade: false };
  const prepared = await prepareRelease({ ...context, chart, values, release, capabilities: offlineCapabilities() });
  return installRelease(context, newRelease(context, { name: 'web', version, prepared, values }, options), options);
}

/** Upgrades it. */
export async function upgradeChart(
  context: ReleaseContext,
  given: Chart,
  { values = {}, ...more }: Partial<UpgradeOptions> & { values?: Values } = {},
): Promise<Release> {
  const options = { ...upgradeOptions, ...more };
  const base = await findUpgradeBase(context, options);
  const next = valuesForUpgrade(given, base, { values, from: options.valuesFrom });
  const release = { name: 'web', namespace: 'default', revision: base.lastVersion + 1, isUpgrade: true };
  const prepared = await prepareRelease({ ...context, ...next, release, capabilities: offlineCapabilities() });
  const made = nextRelease(context, base, { prepared, values: next.values, labels: options.labels });
  return upgradeRelease(context, { base, release: made }, options);
}
