import { ComposeError } from './compose-error.ts';
import { mergeServices, settle } from './merge.ts';
import { carry, isMapping, locate, type Mapping, type Path, type Value, textOf } from './tree.ts';

/** Reads another file for `extends`: interpolated, modernised, its paths resolved. Undefined: there is no such file. */
export type ReadExtended = (path: string) => Mapping | undefined;

/** Puts what services extend beneath them (Compose Specification, "extends"). `file` names the tree that is given. */
export function applyExtends(tree: Mapping, file: string, read: ReadExtended): Mapping {
  const { services } = tree;
  if (!isMapping(services)) return tree;
  const hasExtends = Object.values(services).some((service) => isMapping(service) && 'extends' in service);
  if (!hasExtends) return tree;
  const resolver = new Resolver(read);
  const resolved: Mapping = {};
  for (const [name, service] of Object.entries(services)) {
    carry(resolved, name, isMapping(service) ? resolver.service(tree, file, name, []) : service, services, name);
  }
  const result: Mapping = {};
  for (const [key, value] of Object.entries(tree)) carry(result, key, value, tree, key);
  result.services = resolved;
  return result;
}

class Resolver {
  readonly #read: ReadExtended;
  readonly #files = new Map<string, Mapping>();

  constructor(read: ReadExtended) {
    this.#read = read;
  }

  service(tree: Mapping, file: string, name: string, chain: readonly string[]): Value {
    const service = (tree.services as Mapping)[name];
    if (!isMapping(service) || service.extends === undefined || service.extends === null) return service ?? null;
    const path = ['services', name, 'extends'];
    const here = `${file}#${name}`;
    if (chain.includes(here)) {
      throw fail(tree, path, `circular reference: ${[...chain, here].map(shortName).join(' extends ')}`);
    }
    const { base, baseFile, baseName } = this.#target(tree, file, path, service.extends);
    const services = isMapping(base.services) ? base.services : {};
    // One that says nothing may be extended all the same.
    if (!isMapping(services[baseName]) && services[baseName] !== null) {
      throw fail(tree, path, `cannot extend service "${name}": service "${baseName}" not found in ${baseFile}`);
    }
    const beneath = this.service(base, baseFile, baseName, [...chain, here]);
    const own: Mapping = {};
    for (const [key, value] of Object.entries(service)) if (key !== 'extends') carry(own, key, value, service, key);
    const settled = (settle({ services: { [name]: beneath ?? {} } }).services as Mapping)[name] as Mapping;
    return mergeServices(settled, own, name);
  }

  #target(
    tree: Mapping,
    file: string,
    path: Path,
    target: Value,
  ): { base: Mapping; baseFile: string; baseName: string } {
    const baseName = isMapping(target) ? textOf(target.service) : textOf(target);
    const other = isMapping(target) ? target.file : undefined;
    if (typeof other !== 'string' || other === file) return { base: tree, baseFile: file, baseName };
    let base = this.#files.get(other);
    if (!base) {
      base = this.#read(other);
      if (!base) throw fail(tree, path, `cannot extend from ${other}: there is no such file`);
      this.#files.set(other, base);
    }
    return { base, baseFile: other, baseName };
  }
}

function shortName(place: string): string {
  return place.slice(place.lastIndexOf('#') + 1);
}

function fail(tree: Mapping, path: Path, message: string): ComposeError {
  return new ComposeError(message, { position: locate(tree, path), path });
}
