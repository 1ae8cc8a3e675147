import type { Dependency, Project } from './model.ts';

export interface Requirement {
  service: string;
  condition: Dependency['condition'];
  /** Without it the service does not start; else its failure is passed over. */
  required: boolean;
}

/** What a service waits for before it starts, of the services that there are. */
export function requirementsOf(project: Project, name: string): Requirement[] {
  return Object.entries(project.services[name]?.depends_on ?? {}).flatMap(([service, { condition, required }]) =>
    service in project.services ? [{ service, condition, required }] : [],
  );
}

/** Services that are restarted after one of these, because they say so (`restart: true`), and so on. */
export function restartedWith(project: Project, names: readonly string[]): string[] {
  const all = new Set(names);
  for (const name of all) {
    for (const [other, { depends_on: given }] of Object.entries(project.services)) {
      if (given?.[name]?.restart) all.add(other);
    }
  }
  return [...all].filter((name) => !names.includes(name));
}

/** Services, and what they wait for, and so on; those that there are not are left for others to refuse. */
export function withRequired(project: Project, names: readonly string[]): string[] {
  const all = new Set(names);
  for (const name of all) for (const { service } of requirementsOf(project, name)) all.add(service);
  return [...all];
}
