import { loadSource } from '../../delivery/pipeline/load-source.ts';
import { renderPlan } from '../../delivery/pipeline/plan-diff.ts';
import { planRelease } from '../../delivery/pipeline/release.ts';
import { createOutput } from '../output.ts';
import type { ShipImages } from './images.ts';
import { type ShipProject, whoAndWhat } from './project.ts';
import type { ShipTarget } from './target.ts';

/** Prints what `ship` would do, and the differences it would make in the cluster. Builds and changes nothing. */
export async function showPlan(options: {
  project: ShipProject;
  target: ShipTarget;
  images: ShipImages;
  skipTests: boolean;
}): Promise<void> {
  const { project, target, images, skipTests } = options;
  const { file, directory } = project;
  const output = createOutput();
  for (const image of file.images) {
    const reference = images.references[image.key]?.reference;
    output.data(`build ${image.key}: ${reference}${(await images.isBuilt(image)) ? ' (unchanged)' : ''}`);
  }
  for (const { name } of file.tests) output.data(`test ${name}${skipTests ? ' (skipped)' : ''}`);
  for (const { key } of images.registry === undefined ? [] : file.images)
    output.data(`push ${key} to ${images.registry}`);
  const { strategy } = file.deploy;
  output.data(`deploy ${file.name} to namespace ${target.namespace} of ${target.contextName} (${strategy.type})`);
  const { commit } = await whoAndWhat(directory);
  const source = await loadSource({
    directory,
    file,
    variables: { images: images.references, commit, environment: process.env },
    warn: target.say,
  });
  for (const line of renderPlan(await planRelease(target, source, file.name, strategy))) output.data(line);
  for (const { name } of file.checks) output.data(`check ${name}`);
}
