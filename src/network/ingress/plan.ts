import { argument, mapLine } from '../haproxy/quote.ts';
import {
  addressOf,
  asks,
  backendSection,
  certificateLine,
  files,
  frameText,
  hasScript,
  mirrors,
  replacesErrors,
  mapText,
  type ProxyPlace,
  serverLine,
  serverName,
  spareBackends,
  spareName,
  spareSection,
  tcpSection,
} from './config-text.ts';
import { authorizeScript } from './authorize-script.ts';
import { serverOptions } from './backend-text.ts';
import {
  type BackendModel,
  type Certificate,
  type Endpoint,
  type ProxyModel,
  redirectBackend,
  refusingBackend,
} from './model.ts';
import { errorScript } from './error-script.ts';
import { mirrorScript } from './mirror-script.ts';
import { passwordScript } from './password-script.ts';
import { plainSettings } from './settings.ts';

/** What the running proxy has been told: from it and from what is wanted follows what it is to be told next. */
export interface Running {
  frame: string;
  /** By the name that the proxy knows. */
  sections: ReadonlyMap<string, RunningSection>;
  /** The proxy's name of each backend of the model. */
  names: ReadonlyMap<string, string>;
  /** Spare backends that nobody has been given yet. */
  spares: readonly string[];
  maps: ReadonlyMap<MapName, ReadonlyMap<string, string>>;
  expressions: ReadonlyMap<ExpressionsName, string>;
  certificates: ReadonlyMap<string, Certificate>;
}

interface RunningSection {
  text: string;
  /** With plain settings: it serves for any backend that has such. */
  isPlain: boolean;
  /** Servers in the order of their making. One that is down keeps its slot until another endpoint takes it. */
  slots: readonly Slot[];
}

interface Slot {
  endpoint: Endpoint;
  isUp: boolean;
}

type MapName = 'hosts' | 'clear' | 'tls' | 'names' | 'canaries' | 'canaryMains' | 'canaryWeights' | 'passthrough';
type ExpressionsName = 'clearExpressions' | 'tlsExpressions';

/** A command of the runtime API, and what its answer looks like when it has worked. */
export interface Command {
  text: string;
  succeeded: RegExp;
}

export interface Load {
  /** File texts by name, relative to the proxy's directory. */
  files: ReadonlyMap<string, string>;
  running: Running;
}

const quiet = /^$/;
const mapNames: readonly MapName[] = [
  ...(['hosts', 'clear', 'tls', 'names'] as const),
  ...(['canaries', 'canaryMains', 'canaryWeights', 'passthrough'] as const),
];

function certificateFile(name: string): string {
  return `certificates/${name}.pem`;
}

/** Everything from the start: the files of a proxy that does what the model says. */
export function planLoad(model: ProxyModel, place: ProxyPlace): Load {
  const frame = frameText(model, place);
  const spares = Array.from({ length: spareBackends }, (_, index) => spareName(index));
  const sections = new Map<string, RunningSection>();
  const texts: string[] = [frame];
  for (const [name, section] of wantedSections(model)) {
    const slots = section.endpoints.map((endpoint) => ({ endpoint, isUp: true }));
    sections.set(name, { text: section.text, isPlain: section.isPlain, slots });
    texts.push(section.text, ...section.endpoints.map((endpoint, slot) => serverLine(slot, endpoint, section)), '\n');
  }
  spares.forEach((name, index) => {
    sections.set(name, { text: spareSection(index), isPlain: true, slots: [] });
    texts.push(spareSection(index));
  });
  const names = new Map([...model.backends.keys()].map((name) => [name, name]));
  const running: Running = { frame, sections, names, spares, ...dataOf(model, names) };
  const extra = [...model.endpointFiles, ...scriptFiles(model, place)];
  return { files: new Map([...filesOf(running, texts.join(''), place), ...extra]), running };
}

/** How to get from what runs to what is wanted while it runs; undefined when only a reload does it. */
export function planChange(
  running: Running,
  model: ProxyModel,
  place: ProxyPlace,
): { commands: Command[]; running: Running } | undefined {
  if (frameText(model, place) !== running.frame) return undefined;
  const sections = new Map(running.sections);
  const names = new Map<string, string>();
  const spares = [...running.spares];
  const [before, after]: [Command[], Command[]] = [[], []];
  const taken = new Set<string>();
  const assigned = new Set(running.names.values());
  for (const [name, section] of wantedSections(model)) {
    const at = findSection(running, { ...section, name }, spares);
    const found = at === undefined ? undefined : running.sections.get(at);
    if (at === undefined || !found) return undefined;
    names.set(name, at);
    taken.add(at);
    const { slots, commands } = planServers(at, found.slots, section);
    // Files for TLS to endpoints are read at loading alone.
    if (slots.length > found.slots.length && section.settings.endpointTls) return undefined;
    sections.set(at, { ...found, slots });
    before.push(...commands.up);
    after.push(...commands.down);
  }
  for (const [name, section] of running.sections) {
    if (taken.has(name)) continue;
    // It would go on to accept connections.
    if (section.text.startsWith('listen ')) return undefined;
    const { slots } = section;
    if (section.isPlain && assigned.has(name)) spares.push(name);
    // Nobody is sent there any more; what is under way ends in its own time.
    const down = slots.flatMap(({ isUp }, slot) => (isUp ? [serverState(name, slot, 'maint')] : []));
    after.push(...down);
    sections.set(name, { ...section, slots: slots.map((slot) => ({ ...slot, isUp: false })) });
  }
  const data = dataOf(model, names);
  const certificates = planCertificates(running.certificates, data.certificates, place);
  const maps = planMaps(running, data, place);
  const commands = [...before, ...certificates.added, ...maps.put, ...maps.removed, ...certificates.removed, ...after];
  return { commands, running: { frame: running.frame, sections, names, spares, ...data } };
}

function scriptFiles(model: ProxyModel, { entrances }: ProxyPlace): [name: string, text: string][] {
  return [
    ...(hasScript(model) ? [[files.passwordScript, passwordScript(model.userLists)] as [string, string]] : []),
    ...(asks(model) ? [[files.authorizeScript, authorizeScript(entrances)] as [string, string]] : []),
    ...(mirrors(model) ? [[files.mirrorScript, mirrorScript(entrances)] as [string, string]] : []),
    ...(replacesErrors(model) ? [[files.errorScript, errorScript] as [string, string]] : []),
  ];
}

interface WantedSection extends BackendModel {
  text: string;
  isPlain: boolean;
}

function* wantedSections(model: ProxyModel): Iterable<[name: string, section: WantedSection]> {
  for (const [name, backend] of model.backends) {
    const isPlain = backend.settings === plainSettings;
    yield [name, { ...backend, isPlain, text: backendSection(name, backend) }];
  }
  for (const [name, listener] of model.tcp) {
    const { endpoints } = listener;
    yield [name, { settings: plainSettings, endpoints, isPlain: false, text: tcpSection(name, listener) }];
  }
}

/** The running section for a backend: the one it has, for settings of its own one from earlier, or a spare one. */
function findSection(
  running: Running,
  { name, text, isPlain }: { name: string; text: string; isPlain: boolean },
  spares: string[],
): string | undefined {
  if (isPlain) return running.names.get(name) ?? spares.shift();
  return running.sections.get(name)?.text === text ? name : undefined;
}

function planServers(
  backend: string,
  slots: readonly Slot[],
  section: WantedSection,
): { slots: Slot[]; commands: { up: Command[]; down: Command[] } } {
  const next = slots.map((slot) => ({ ...slot }));
  const commands: { up: Command[]; down: Command[] } = { up: [], down: [] };
  const wanted = new Map(section.endpoints.map((endpoint) => [addressOf(endpoint), endpoint]));
  next.forEach((slot, index) => {
    const found = wanted.get(addressOf(slot.endpoint));
    wanted.delete(addressOf(slot.endpoint));
    if (!found) {
      if (slot.isUp) commands.down.push(serverState(backend, index, 'maint'));
      slot.isUp = false;
      return;
    }
    if (found.weight !== slot.endpoint.weight) commands.up.push(serverWeight(backend, index, found.weight));
    if (!slot.isUp) commands.up.push(serverState(backend, index, 'ready'));
    Object.assign(slot, { endpoint: found, isUp: true });
  });
  for (const endpoint of wanted.values()) {
    // Slots that were in use a moment ago stay: their requests may not have ended.
    const free = slots.findIndex((slot, index) => !slot.isUp && !next[index]?.isUp);
    if (free >= 0) {
      next[free] = { endpoint, isUp: true };
      commands.up.push(serverAddress(backend, free, endpoint), serverWeight(backend, free, endpoint.weight));
      commands.up.push(serverState(backend, free, 'ready'));
    } else {
      next.push({ endpoint, isUp: true });
      commands.up.push(...addServer(backend, next.length - 1, endpoint, section));
    }
  }
  return { slots: next, commands };
}

function serverState(backend: string, slot: number, state: 'ready' | 'maint'): Command {
  return { text: `set server ${backend}/${serverName(slot)} state ${state}`, succeeded: quiet };
}

function serverWeight(backend: string, slot: number, weight: number): Command {
  return { text: `set server ${backend}/${serverName(slot)} weight ${weight}`, succeeded: quiet };
}

function serverAddress(backend: string, slot: number, { address, port }: Endpoint): Command {
  const text = `set server ${backend}/${serverName(slot)} addr ${address} port ${port}`;
  return { text, succeeded: /^(?:no need to change|IP changed|port changed|nothing changed)/ };
}

function addServer(backend: string, slot: number, endpoint: Endpoint, { settings }: WantedSection): Command[] {
  const server = `${backend}/${serverName(slot)}`;
  const options = `${serverOptions(settings)} weight ${endpoint.weight}`;
  return [
    { text: `add server ${server} ${addressOf(endpoint)}${options}`, succeeded: /^New server registered/ },
    { text: `enable server ${server}`, succeeded: quiet },
    // A server that came later has no cookie yet.
    ...(settings.affinity ? [{ text: `enable dynamic-cookie backend ${backend}`, succeeded: quiet }] : []),
  ];
}

function dataOf(
  model: ProxyModel,
  names: ReadonlyMap<string, string>,
): Pick<Running, 'maps' | 'expressions' | 'certificates'> {
  const running = (backend: string): string => names.get(backend) ?? backend;
  const routes = (paths: ReadonlyMap<string, string>): Map<string, string> =>
    new Map([...paths].map(([key, backend]) => [key, running(backend)]));
  const canaries = [...model.canaries];
  const services = [...names].map(([name, at]) => [at, name.split(':').slice(0, 3).join(':')] as const);
  const expressions = (list: ProxyModel['clear']['expressions']): string =>
    mapText(list.map(([expression, backend]) => [expression, running(backend)] as const));
  return {
    maps: new Map<MapName, ReadonlyMap<string, string>>([
      ['hosts', new Map([...model.hosts].map((host) => [host, host]))],
      ['clear', routes(model.clear.paths)],
      ['tls', routes(model.tls.paths)],
      ['names', new Map([...services, ...[redirectBackend, refusingBackend].map((name) => [name, name] as const)])],
      ['canaries', new Map(canaries.map(([name, { backend }]) => [name, running(backend)]))],
      ['canaryMains', new Map(canaries.map(([name, { main }]) => [name, running(main)]))],
      ['canaryWeights', new Map(canaries.map(([name, { weight }]) => [name, String(weight)]))],
      ['passthrough', routes(model.passthrough)],
    ]),
    expressions: new Map<ExpressionsName, string>([
      ['clearExpressions', expressions(model.clear.expressions)],
      ['tlsExpressions', expressions(model.tls.expressions)],
    ]),
    certificates: model.certificates,
  };
}

type Data = ReturnType<typeof dataOf>;

/** Values change at once; what is new comes before what goes, so that no request falls between. */
function planMaps(running: Running, next: Data, { directory }: ProxyPlace): { put: Command[]; removed: Command[] } {
  const put: Command[] = [];
  const removed: Command[] = [];
  for (const name of mapNames) {
    // Without canaries, and with nothing to pass on, nothing loads their maps.
    if (!running.frame.includes(files[name])) continue;
    const file = `${directory}/${files[name]}`;
    const old = running.maps.get(name) ?? new Map<string, string>();
    const wanted = next.maps.get(name) ?? new Map<string, string>();
    const fresh: string[] = [];
    for (const [key, value] of wanted) {
      if (!old.has(key)) fresh.push(mapLine(key, value));
      else if (old.get(key) !== value)
        put.push({ text: `set map ${file} ${argument(key)} ${value}`, succeeded: quiet });
    }
    if (fresh.length > 0) put.push({ text: `add map ${file} <<\n${fresh.join('\n')}\n`, succeeded: quiet });
    for (const key of old.keys())
      if (!wanted.has(key)) removed.push({ text: `del map ${file} ${argument(key)}`, succeeded: quiet });
  }
  for (const [name, text] of next.expressions) {
    if (running.expressions.get(name) !== text) put.push(...replaceMap(`${directory}/${files[name]}`, text));
  }
  return { put, removed };
}

/** Order counts in a list of expressions: it is made anew beside the old one, which it then replaces at once. */
function replaceMap(file: string, text: string): Command[] {
  return [
    { text: `prepare map ${file}`, succeeded: /^New version created: \d+/ },
    ...(text === '' ? [] : [{ text: `add map @${preparedVersion} ${file} <<\n${text}`, succeeded: quiet }]),
    { text: `commit map @${preparedVersion} ${file}`, succeeded: quiet },
  ];
}

/** Stands for the number that the last `prepare map` was answered with. */
export const preparedVersion = 'VERSION';

function planCertificates(
  running: ReadonlyMap<string, Certificate>,
  wanted: ReadonlyMap<string, Certificate>,
  { directory }: ProxyPlace,
): { added: Command[]; removed: Command[] } {
  const added: Command[] = [];
  const removed: Command[] = [];
  const list = `${directory}/${files.certificateList}`;
  const unlist = (file: string): Command => ({
    text: `del ssl crt-list ${list} ${file}`,
    succeeded: /deleted in crtlist/,
  });
  for (const [name, { pem, hosts }] of wanted) {
    const file = `${directory}/${certificateFile(name)}`;
    const old = running.get(name);
    if (!old) added.push({ text: `new ssl cert ${file}`, succeeded: /^New empty certificate store/ });
    if (old?.pem !== pem) {
      added.push({ text: `set ssl cert ${file} <<\n${pem}`, succeeded: /^Transaction (?:created|updated)/ });
      added.push({ text: `commit ssl cert ${file}`, succeeded: /Success!\s*$/ });
    }
    if (old?.hosts.join() === hosts.join()) continue;
    if (old) added.push(unlist(file));
    added.push({ text: `add ssl crt-list ${list} <<\n${certificateLine(file, hosts)}\n`, succeeded: /Success!\s*$/ });
  }
  for (const name of running.keys()) {
    if (wanted.has(name)) continue;
    const file = `${directory}/${certificateFile(name)}`;
    removed.push(unlist(file), { text: `del ssl cert ${file}`, succeeded: /deleted!/ });
  }
  return { added, removed };
}

function filesOf({ maps, expressions, certificates }: Running, config: string, place: ProxyPlace): Map<string, string> {
  const sorted = (map: ReadonlyMap<string, string>): [string, string][] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const lines = [...certificates].flatMap(([name, { hosts, verified = [] }], index) => {
    const file = `${place.directory}/${certificateFile(name)}`;
    // Without a host, a line would stand for the names in its certificate.
    return [
      ...(index === 0 || hosts.length > 0 || verified.length === 0 ? [certificateLine(file, hosts)] : []),
      ...verified.map(([host, authority]) => certificateLine(file, [host], `${place.directory}/${authority}`)),
    ];
  });
  return new Map([
    [files.config, config],
    ...mapNames.map((name) => [files[name], mapText(sorted(maps.get(name) ?? new Map()))] as const),
    ...[...expressions].map(([name, text]) => [files[name], text] as const),
    [files.certificateList, lines.map((line) => `${line}\n`).join('')],
    ...[...certificates].map(([name, { pem }]) => [certificateFile(name), pem] as const),
  ]);
}
