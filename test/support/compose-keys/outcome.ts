import { planBuilds } from '../../../src/delivery/compose/build-plan.ts';
import { requirementsOf, restartedWith } from '../../../src/delivery/compose/start-order.ts';
import { healthDeadlineMs } from '../../../src/delivery/compose/translate/probes.ts';
import { translate } from '../../../src/delivery/compose/translate/translate.ts';
import { actionFor, initialRules, watchRules } from '../../../src/delivery/compose/watch-rules.ts';
import { load, memoryFiles } from '../compose.ts';

const files = {
  '/app/one.txt': '1',
  '/app/web.env': 'FROM_FILE="a b"\n',
  '/app/label.env': 'tier=front\n',
  '/app/other.yaml': 'services:\n  base:\n    image: base\n    working_dir: /other\n',
  '/app/inner/vars.yaml': 'services:\n  in:\n    image: x\n    working_dir: /$FROM_FILE\n    volumes: [./rel:/x]\n',
};

/** All that comes of a file, as one text; and what was said of it. */
export function outcome(file: string, isLocal = true): { text: string; said: string } {
  const all = { ...files, '/app/compose.yaml': file };
  const { project, tree, warnings } = load(all, { environment: { SET: 'from the environment' } });
  const from = { files: memoryFiles(all), hostGateway: isLocal ? '10.89.0.1' : undefined, isLocal };
  const said = [...warnings];
  const told = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      said.push((error as Error).message);
      return undefined;
    }
  };
  said.push(...(told(() => translate(project, tree, from).warnings) ?? []));
  const { base, workloads } = translate(project, tree, { ...from, lenient: true });
  const services = Object.keys(project.services);
  const changed = ['/app/src/a.ts', '/app/src/node_modules/x.js'];
  const [rule] = watchRules(project);
  const text = JSON.stringify({
    objects: [...base, ...Object.values(workloads)],
    project: { ...project, environment: undefined },
    builds: told(() => planBuilds(project, tree)),
    start: services.flatMap((name) =>
      requirementsOf(project, name).map(({ service, condition, required }) => [name, service, condition, required]),
    ),
    restartWith: restartedWith(project, ['db']),
    patienceMs: healthDeadlineMs(project.services['web'] ?? {}),
    initialSync: initialRules(watchRules(project)).map((each) => each.service),
    changes: rule && Object.fromEntries(changed.map((path) => [path, actionFor(rule, path)])),
  });
  return { text, said: said.join('\n') };
}

/** The key as a message has it: `services.web.networks.back.ipv4_address`. */
export function named(key: string): string {
  const names: Record<string, string> = {
    services: 'web',
    networks: 'back',
    volumes: 'data',
    secrets: 'one',
    configs: 'one',
  };
  return key
    .replaceAll('[]', '[0]')
    .split('.')
    .map((part, index, parts) => (part === '*' ? (names[parts[index - 1] ?? ''] ?? 'x') : part))
    .join('.');
}

export function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
