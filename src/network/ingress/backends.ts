import { createHash } from 'node:crypto';
import { type Algorithm, algorithmOf } from '../../api/load-balancing.ts';
import type { Secret, Service, ServicePort } from '../../api/types/core-v1.ts';
import type { Ingress, IngressServiceBackend } from '../../api/types/networking-v1.ts';
import { ip } from '../../api/names.ts';
import { keyOf } from '../../client/informer.ts';
import { isPlain } from './annotations.ts';
import type { WantedAuthorization } from './annotations/authorize.ts';
import type { WantedClientCertificates } from './annotations/client-certificates.ts';
import { readHeaders, readRequestHeaders } from './annotations/answers.ts';
import { readParams, type WantedFastCgi } from './annotations/fastcgi.ts';
import type { WantedMirror } from './annotations/mirror.ts';
import { backendName } from './backend-name.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { aliasedService, endpointsOf, findPort, ownEndpoint } from './endpoints.ts';
import { usersOf } from './htpasswd.ts';
import { type BackendModel, type ClassDefault, type Endpoint, refusingBackend, type UserList } from './model.ts';
import { parseIngress } from './parse.ts';
import type { Complain } from './problem.ts';
import { type BackendSettings, type Balance, type ErrorsOf, plainSettings } from './settings.ts';
import { authoritiesOf, certificateOf } from './tls.ts';

/** What secrets, config maps and services add to the settings of an ingress. */
type Protection = Pick<
  BackendSettings,
  'auth' | 'authorize' | 'clients' | 'endpointTls' | 'mirror' | 'fastCgi' | 'headers' | 'requestHeaders'
>;

const balances: Readonly<Record<Algorithm, Balance>> = {
  'round-robin': { kind: 'round-robin' },
  weighted: { kind: 'round-robin' },
  'source-ip-hash': { kind: 'source-hash' },
  random: { kind: 'random' },
  'least-connections': { kind: 'least-connections' },
};

/** What the endpoints of a port say they speak (KEP-3726, and what others write). */
const appProtocols: Readonly<Record<string, BackendSettings['protocol']>> = {
  'kubernetes.io/h2c': 'h2c',
  'kubernetes.io/wss': 'https',
  grpc: 'h2c',
  https: 'https',
};

/** The backends that the routes of ingresses lead to, made as they are asked for. */
export class Backends {
  readonly all = new Map<string, BackendModel>();
  readonly userLists = new Map<string, UserList>();
  readonly endpointFiles = new Map<string, string>();
  readonly #objects: ClusterObjects;
  readonly #complain: Complain;
  readonly #classDefault: ClassDefault | undefined;
  readonly #protections = new Map<Ingress, Protection | 'refused' | undefined>();
  readonly #endpoints = new Map<string, Endpoint[]>();

  constructor(objects: ClusterObjects, complain: Complain, classDefault: ClassDefault | undefined) {
    this.#objects = objects;
    this.#complain = complain;
    this.#classDefault = classDefault;
  }

  /**
   * The backend for a service of an ingress's namespace. `governing` is the ingress whose annotations count: of a
   * canary the one that it is beside.
   */
  backendOf(
    ingress: Ingress,
    wanted: IngressServiceBackend,
    { settings, governing = ingress }: { settings: BackendSettings; governing?: Ingress },
  ): string {
    const protection = this.#protectionOf(governing);
    if (protection === 'refused') return refusingBackend;
    const { usesServiceAddress, fallbackService, chooses } = parseIngress(governing).annotations;
    const found = this.#find(ingress, wanted);
    const of = errorsOf(governing, wanted);
    const put = (service: Found, additions: Partial<BackendSettings>): string =>
      this.#put(service.service?.metadata.namespace ?? ingress.metadata.namespace ?? '', service, {
        endpoints: this.#endpointsOf(service, usesServiceAddress),
        settings: Object.keys(additions).length > 0 ? { ...settings, ...additions } : settings,
        ...{ chooses, usesServiceAddress },
      });
    const errors = this.#errorsOf(governing, of);
    const usual = put(found, { ...protection, ...(errors && { errors }) });
    const other = fallbackService === undefined ? undefined : this.#firstPort(ingress, fallbackService);
    if (!other) return usual;
    // Both are there always: then a route changes, and the proxy is not loaded anew.
    const instead = put(other, { ...protection, standsInFor: of });
    return this.#endpointsOf(found, usesServiceAddress).length === 0 ? instead : usual;
  }

  /** Who is asked about answers of the statuses that the ingress names. */
  #errorsOf(ingress: Ingress, of: ErrorsOf): BackendSettings['errors'] {
    const { errorStatuses: statuses, fallbackService } = parseIngress(ingress).annotations;
    if (statuses.length === 0) return undefined;
    const found = fallbackService === undefined ? this.#cluster() : this.#firstPort(ingress, fallbackService);
    const at = found?.service && found.port && this.#addressOf(keyOf(found.service), found.port.port);
    if (at !== undefined) return { statuses, at, of };
    const message = 'custom-http-errors has no effect: it needs default-backend, a service with an IPv4 address';
    this.#complain(ingress, 'InvalidAnnotation', message);
    return undefined;
  }

  /** The default backend of the class. */
  #cluster(): Found | undefined {
    if (!this.#classDefault) return undefined;
    const { namespace, service: wanted } = this.#classDefault;
    const service = this.#objects.service(`${namespace}/${wanted.name}`);
    return { service, port: service && findPort(service, wanted.port) };
  }

  /** Of a service that has an IPv4 address, `address:port`. */
  #addressOf(key: string, port: number): string | undefined {
    const { type, clusterIP = 'None' } = this.#objects.service(key)?.spec ?? {};
    const hasAddress = type !== 'ExternalName' && ip(clusterIP).length === 0 && !clusterIP.includes(':');
    return hasAddress ? `${clusterIP}:${port}` : undefined;
  }

  /** A backend of settings alone: it answers every request itself. */
  answering(namespace: string, settings: BackendSettings): string {
    const name = backendName({ namespace, service: '-', port: '-', settings });
    this.all.set(name, { settings, endpoints: [] });
    return name;
  }

  #put(
    namespace: string,
    { service, port }: Found,
    options: {
      endpoints: Endpoint[];
      settings: BackendSettings;
      chooses: { balance: boolean; protocol: boolean };
      usesServiceAddress: boolean;
    },
  ): string {
    const { endpoints, chooses } = options;
    const balance = service && !chooses.balance ? balances[algorithmOf(service)] : options.settings.balance;
    const spoken = chooses.protocol ? undefined : appProtocols[port?.appProtocol ?? ''];
    const settings = withService(options.settings, { balance, protocol: spoken ?? options.settings.protocol });
    const name = backendName({
      namespace,
      service: service?.metadata.name ?? '-',
      port: port ? `${port.port}${options.usesServiceAddress ? '-service' : ''}` : '-',
      settings,
    });
    if (!this.all.has(name)) this.all.set(name, { settings, endpoints });
    return name;
  }

  #find(ingress: Ingress, wanted: IngressServiceBackend): Found {
    const key = `${ingress.metadata.namespace}/${wanted.name}`;
    const service = this.#objects.service(key);
    if (service?.spec?.type === 'ExternalName') return this.#findAliased(ingress, service, wanted);
    const port = service && findPort(service, wanted.port);
    const label = wanted.port?.name || String(wanted.port?.number ?? '');
    if (!service) this.#complain(ingress, 'ServiceNotFound', `there is no service ${key}`);
    else if (!port) this.#complain(ingress, 'PortNotFound', `service ${key} has no port ${label}`);
    return { service, port };
  }

  /** Another name for a service of the cluster stands for that; its ports, which it need not have, for those numbers. */
  #findAliased(ingress: Ingress, alias: Service, wanted: IngressServiceBackend): Found {
    const key = aliasedService(alias);
    const complain = (reason: string, what: string): Found => {
      this.#complain(ingress, reason, `service ${keyOf(alias)} is ${what}`);
      return { service: undefined, port: undefined };
    };
    if (key === undefined) {
      return complain('UnsupportedService', 'a name outside the cluster: requests are not sent there');
    }
    const service = this.#objects.service(key);
    const number = findPort(alias, wanted.port)?.port ?? wanted.port?.number;
    const isReal = service && service.spec?.type !== 'ExternalName';
    if (!isReal) return complain('ServiceNotFound', `another name for ${key}, and there is no such service`);
    const port = number === undefined ? undefined : findPort(service, { number });
    return port
      ? { service, port }
      : complain('PortNotFound', `another name for ${key}, which has no port ${number ?? wanted.port?.name}`);
  }

  #firstPort(ingress: Ingress, name: string): Found | undefined {
    const key = `${ingress.metadata.namespace}/${name}`;
    const service = this.#objects.service(key);
    const [port] = service?.spec?.ports ?? [];
    if (service && port) return { service, port };
    this.#complain(ingress, 'ServiceNotFound', `there is no service ${key}, which is to stand in`);
    return undefined;
  }

  #endpointsOf({ service, port }: Found, usesServiceAddress: boolean): Endpoint[] {
    if (!service || !port || service.spec?.type === 'ExternalName') return [];
    const { namespace, name } = service.metadata;
    const key = `${namespace}/${name}:${port.port}/${usesServiceAddress}`;
    const own = (): Endpoint[] => (usesServiceAddress ? ownEndpoint(service, port) : []);
    const ofSlices = (): Endpoint[] => endpointsOf(service, port, this.#objects.slices(`${namespace}/${name}`));
    const found = this.#endpoints.get(key) ?? [own(), ofSlices()].find((all) => all.length > 0) ?? [];
    this.#endpoints.set(key, found);
    return found;
  }

  #protectionOf(ingress: Ingress): Protection | 'refused' | undefined {
    if (this.#protections.has(ingress)) return this.#protections.get(ingress);
    const found = this.#readProtection(ingress);
    this.#protections.set(ingress, found);
    return found;
  }

  #readProtection(ingress: Ingress): Protection | 'refused' | undefined {
    const { annotations } = parseIngress(ingress);
    if (annotations.isRefused) return 'refused';
    const auth = annotations.auth && this.#authOf(ingress, annotations.auth);
    const endpointTls = annotations.endpointSecret && this.#endpointTlsOf(ingress, annotations.endpointSecret);
    const authorize = annotations.authorization && this.#authorizeOf(ingress, annotations.authorization);
    const clients = annotations.clients && this.#clientsOf(ingress, annotations.clients);
    if (auth === 'refused' || endpointTls === 'refused') return 'refused';
    const fastCgi = annotations.fastCgi && this.#fastCgiOf(ingress, annotations.fastCgi);
    const headers = this.#headersOf(ingress);
    if (authorize === 'refused' || clients === 'refused' || fastCgi === 'refused') return 'refused';
    if (headers === 'refused') return 'refused';
    const written = annotations.settings.endpointTls;
    const mirror = annotations.mirror && this.#mirrorOf(ingress, annotations.mirror);
    const found = {
      ...(mirror && { mirror }),
      ...(fastCgi && { fastCgi }),
      ...headers,
      ...(auth && { auth }),
      ...(authorize && { authorize }),
      ...(clients && { clients }),
      ...(endpointTls && { endpointTls: { ...written, ...endpointTls } }),
    };
    return Object.keys(found).length > 0 ? found : undefined;
  }

  #authOf(
    ingress: Ingress,
    { secretName, kind, realm }: { secretName: string; kind: 'auth-file' | 'auth-map'; realm: string },
  ): BackendSettings['auth'] | 'refused' {
    const secret = this.#secretFor(ingress, secretName);
    if (!secret) return 'refused';
    const { users, unknown } = usersOf(secret, kind);
    const { metadata } = ingress;
    if (unknown.length > 0) {
      const message = `the hashes of these users of secret ${secretName} are not known here: ${unknown.join(', ')}`;
      this.#complain(ingress, 'UnknownHash', message);
    }
    const userList = `users:${metadata.namespace}:${secretName}:${kind}`;
    this.userLists.set(userList, users);
    return { userList, realm, isScripted: users.scripted.length > 0 };
  }

  #authorizeOf(ingress: Ingress, { service, ...rest }: WantedAuthorization): BackendSettings['authorize'] | 'refused' {
    if (!service) return rest;
    const key = `${service.namespace}/${service.name}`;
    const at = this.#addressOf(key, service.port);
    if (at !== undefined) return { ...rest, at };
    const message = `not served: auth-url leads to service ${key}, which is not there or has no IPv4 address`;
    this.#complain(ingress, 'Refused', message);
    return 'refused';
  }

  #mirrorOf(ingress: Ingress, { service, ...rest }: WantedMirror): BackendSettings['mirror'] {
    if (!service) return rest;
    const key = `${service.namespace}/${service.name}`;
    const at = this.#addressOf(key, service.port);
    if (at !== undefined) return { ...rest, at };
    const message = `mirror-target leads to service ${key}, which is not there or has no IPv4 address; it has no effect`;
    this.#complain(ingress, 'InvalidAnnotation', message);
    return undefined;
  }

  #fastCgiOf(ingress: Ingress, { configMap, ...rest }: WantedFastCgi): BackendSettings['fastCgi'] | 'refused' {
    const key = `${ingress.metadata.namespace}/${configMap}`;
    const params = configMap === undefined ? [] : this.#fromConfigMap(ingress, key, readParams);
    return params === 'refused' ? 'refused' : { ...rest, params };
  }

  /** Of answers, those of the class come first: of two with the same name the ingress's own counts. */
  #headersOf(ingress: Ingress): Pick<BackendSettings, 'headers' | 'requestHeaders'> | 'refused' {
    const { headersOf, classHeaders } = parseIngress(ingress).annotations;
    const own = headersOf === undefined ? undefined : `${ingress.metadata.namespace}/${headersOf}`;
    const maps = [classHeaders.answers, own].filter((key) => key !== undefined);
    const answers = maps.map((key) => this.#fromConfigMap(ingress, key, readHeaders));
    const requests =
      classHeaders.requests === undefined
        ? []
        : this.#fromConfigMap(ingress, classHeaders.requests, readRequestHeaders);
    if (requests === 'refused' || answers.includes('refused')) return 'refused';
    const headers = answers.flatMap((each) => (each === 'refused' ? [] : each));
    return {
      ...(headers.length > 0 && { headers }),
      ...(requests.length > 0 && { requestHeaders: requests }),
    };
  }

  #fromConfigMap<T extends object>(
    ingress: Ingress,
    key: string,
    read: (data: Readonly<Record<string, string>>) => T | { problem: string },
  ): T | 'refused' {
    const found = this.#objects.configMap(key);
    const name = key.replace(`${ingress.metadata.namespace}/`, '');
    const values = found ? read(found.data ?? {}) : { problem: 'it is not there' };
    if (!('problem' in values)) return values;
    this.#complain(ingress, 'Refused', `not served: config map ${name} is of no use: ${values.problem}`);
    return 'refused';
  }

  #clientsOf(
    ingress: Ingress,
    { secretName, ...rest }: WantedClientCertificates,
  ): BackendSettings['clients'] | 'refused' {
    const secret = this.#secretFor(ingress, secretName);
    const authorities = secret && authoritiesOf(secret);
    if (authorities) return { ...rest, authority: this.#fileOf(authorities) };
    if (secret) this.#complain(ingress, 'Refused', `not served: secret ${secretName} has no certificates in ca.crt`);
    return 'refused';
  }

  #endpointTlsOf(
    ingress: Ingress,
    { name, verifies }: { name: string; verifies: boolean },
  ): BackendSettings['endpointTls'] | 'refused' {
    const secret = this.#secretFor(ingress, name);
    if (!secret) return 'refused';
    const pair = secret.data?.['tls.crt'] === undefined ? undefined : certificateOf(secret);
    const authorities = authoritiesOf(secret);
    const problem = pair && 'problem' in pair ? pair.problem : verifies && !authorities && 'it has no ca.crt';
    if (problem) {
      this.#complain(ingress, 'Refused', `not served: secret ${name} is of no use for TLS to endpoints: ${problem}`);
      return 'refused';
    }
    return {
      ...(pair && 'pem' in pair && { certificate: this.#fileOf(pair.pem) }),
      ...(verifies && authorities && { authority: this.#fileOf(authorities) }),
    };
  }

  #secretFor(ingress: Ingress, name: string): Secret | undefined {
    const secret = this.#objects.secret(`${ingress.metadata.namespace}/${name}`);
    if (!secret) this.#complain(ingress, 'Refused', `not served: there is no secret ${name}`);
    return secret;
  }

  /** Named by what is in it, so that a new text is a new file. */
  #fileOf(pem: string): string {
    const name = `endpoints/${createHash('sha256').update(pem).digest('hex').slice(0, 32)}.pem`;
    this.endpointFiles.set(name, pem);
    return name;
  }
}

/** The very settings where the service asks for nothing else, so that what is known of them counts. */
function withService(settings: BackendSettings, own: Pick<BackendSettings, 'balance' | 'protocol'>): BackendSettings {
  if (settings.protocol === own.protocol && settings.balance.kind === own.balance.kind) return settings;
  const wanted = { ...settings, ...own };
  return isPlain(wanted) ? plainSettings : wanted;
}

function errorsOf({ metadata }: Ingress, { name, port }: IngressServiceBackend): ErrorsOf {
  return {
    namespace: metadata.namespace ?? '',
    ingress: metadata.name ?? '',
    service: name,
    port: port?.name || String(port?.number ?? ''),
  };
}

interface Found {
  service: Service | undefined;
  port: ServicePort | undefined;
}
