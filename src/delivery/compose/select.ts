import { ComposeError } from './compose-error.ts';
import type { Project } from './model.ts';

/** The part of a project that some services need: they and, unless they are to be alone, all they depend on. */
export function selectServices(project: Project, names: readonly string[], options: { alone?: boolean } = {}): Project {
  if (names.length === 0) return project;
  const wanted = new Set<string>();
  const add = (name: string): void => {
    const service = project.services[name];
    if (!service) throw new ComposeError(`no such service: ${name}`);
    if (wanted.has(name)) return;
    wanted.add(name);
    if (options.alone) return;
    for (const [dependency, { required }] of Object.entries(service.depends_on ?? {})) {
      if (required || dependency in project.services) add(dependency);
    }
  };
  names.forEach(add);
  const services = Object.fromEntries(Object.entries(project.services).filter(([name]) => wanted.has(name)));
  return { ...project, services };
}
