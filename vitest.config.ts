import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** End-to-end tests that build images, or carry apps from their source: they keep a processor busy, one at a time. */
const fromSource = 'test/e2e/{cluster,compose,compose-commands,compose-examples,init,ship*}.test.ts';

/** Files of one of these run one after the other: a cluster of each has the machine. Two of them can run side by side. */
function e2e(
  name: string,
  { include, exclude }: { include: string; exclude?: string },
): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      ...{ name, include: [include], exclude: exclude === undefined ? [] : [exclude] },
      ...{ fileParallelism: false, testTimeout: 180_000, hookTimeout: 600_000 },
    },
  };
}

export default defineConfig({
  test: {
    pool: 'forks',
    // All processors: vitest leaves one idle, which is half of a machine of two.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'test/{contract,scenario,simulation,support}/**/*.test.ts',
            'test/tidy.test.ts',
          ],
          testTimeout: 20_000,
        },
      },
      e2e('e2e-delivery', { include: fromSource }),
      e2e('e2e-cluster', { include: 'test/e2e/**/*.test.ts', exclude: fromSource }),
    ],
  },
});
