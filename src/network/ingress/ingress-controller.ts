import { type ApplyLoop, createApplyLoop } from '../apply-loop.ts';
import type { Secret } from '../../api/types/core-v1.ts';
import type { Ingress, IngressLoadBalancerIngress } from '../../api/types/networking-v1.ts';
import { jsonEquals } from '../../api/plain-json.ts';
import { isApiError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { type Informer, keyOf } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import { configMaps, endpointSlices, ingressClasses, ingresses, secrets, services } from '../../client/resources.ts';
import { type CertificateIssuer, issueCertificates } from './certificates.ts';
import { classNameOf, isOurs } from './class.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { Problem } from './problem.ts';
import type { IngressProxy } from './proxy.ts';
import type { ClassDefault } from './model.ts';
import { renderIngress } from './render.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

/** A proxy that runs, and where clients find it. */
export interface OpenedProxy {
  proxy: IngressProxy;
  addresses: readonly IngressLoadBalancerIngress[];
  /** For people: `http://localhost`. */
  urls: readonly string[];
}

export interface IngressControllerOptions {
  informers: Informers;
  client: Client;
  recorder: EventRecorder;
  clock: Clock;
  log: Logger;
  /** Called when the first ingress appears; again after it has rejected. `onLost`: the proxy has ended by itself. */
  openProxy(onLost: () => void): Promise<OpenedProxy>;
  issuer: CertificateIssuer;
  /** PEM, chain and key: for connections to hosts without a certificate. */
  defaultCertificate: string;
  /** Gets the requests that no rule of any ingress matches. */
  classDefault?: ClassDefault;
}

export interface IngressController {
  start(): Promise<void>;
  stop(): void;
}

const pause = { firstMs: 1_000, mostMs: 30_000 };
const renewalCheckMs = 12 * 3600_000;

/**
 * Keeps the proxy in step with ingresses, and with the services, endpoint slices and secrets that they name. Changes
 * that come while one is under way go together into the next. Without an ingress there is no proxy.
 */
export function createIngressController(options: IngressControllerOptions): IngressController {
  return new RunningIngressController(options);
}

class RunningIngressController implements IngressController {
  readonly #options: IngressControllerOptions;
  readonly #unsubscribe: (() => void)[] = [];
  /** Services and secrets that the last rendering looked at: others make no difference. */
  #looked = new Set<string>();
  #told = new Map<string, string>();
  #opened: OpenedProxy | undefined;
  #followsRest = false;
  readonly #loop: ApplyLoop;

  constructor(options: IngressControllerOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#loop = createApplyLoop({
      ...{ clock, pause },
      apply: () => this.#synchronize(),
      onFailed: (error) => log.error('the ingress proxy is not in step', { error }),
    });
  }

  async start(): Promise<void> {
    const { informers } = this.#options;
    const [ingressInformer, classInformer] = [informers.of(ingresses), informers.of(ingressClasses)];
    await Promise.all([ingressInformer.synced(), classInformer.synced()]);
    this.#follow(ingressInformer, () => this.#loop.request());
    this.#follow(classInformer, () => this.#loop.request());
    this.#loop.request();
  }

  stop(): void {
    this.#loop.stop();
    for (const cancel of this.#unsubscribe.splice(0)) cancel();
  }

  #follow<T extends KubeObject>(informer: Informer<T>, changed: (object: T) => void): void {
    this.#unsubscribe.push(informer.subscribe({ added: changed, updated: changed, deleted: changed }));
  }

  async #synchronize(): Promise<void> {
    const { informers, defaultCertificate, classDefault } = this.#options;
    const classes = informers.of(ingressClasses);
    const ours = this.#ours();
    if (ours.length === 0 && !this.#opened) return;
    await this.#followRest();
    const opened = await this.#open(ours);
    this.#looked = new Set();
    const { model, problems } = renderIngress({
      ...{ ingresses: ours, objects: this.#objects(), defaultCertificate },
      classOf: (ingress) => classes.get(classNameOf(ingress) ?? ''),
      ...(classDefault && { classDefault }),
    });
    await opened.proxy.apply(model);
    this.#report(problems);
    for (const ingress of ours) void this.#setStatus(ingress, opened);
    for (const ingress of informers.of(ingresses).list())
      if (!ours.includes(ingress)) void this.#clearStatus(ingress, opened);
    await this.#issue(ours);
  }

  #ours(): Ingress[] {
    const { informers } = this.#options;
    const classes = informers.of(ingressClasses);
    return [...informers.of(ingresses).list()].filter((ingress) => isOurs(ingress, (name) => classes.get(name)));
  }

  async #open(ours: readonly Ingress[]): Promise<OpenedProxy> {
    if (this.#opened) return this.#opened;
    try {
      this.#opened = await this.#options.openProxy(() => this.#loop.request());
      return this.#opened;
    } catch (error) {
      for (const ingress of ours) this.#tell({ about: ingress, reason: 'NoProxy', message: (error as Error).message });
      throw error;
    }
  }

  /** What ingresses name is of no interest before there is one. */
  async #followRest(): Promise<void> {
    if (this.#followsRest) return;
    this.#followsRest = true;
    const { informers } = this.#options;
    const [serviceInformer, sliceInformer] = [informers.of(services), informers.of(endpointSlices)];
    const [secretInformer, configMapInformer] = [informers.of(secrets), informers.of(configMaps)];
    sliceInformer.addIndex('service', (slice) => [serviceKeyOf(slice)]);
    const all = [serviceInformer, sliceInformer, secretInformer, configMapInformer];
    await Promise.all(all.map((informer) => informer.synced()));
    this.#follow(serviceInformer, (service) => this.#markIfLooked(`service ${keyOf(service)}`));
    this.#follow(sliceInformer, (slice) => this.#markIfLooked(`service ${serviceKeyOf(slice)}`));
    this.#follow(secretInformer, (secret) => this.#markIfLooked(`secret ${keyOf(secret)}`));
    this.#follow(configMapInformer, (configMap) => this.#markIfLooked(`config map ${keyOf(configMap)}`));
  }

  #markIfLooked(what: string): void {
    if (this.#looked.has(what)) this.#loop.request();
  }

  #objects(): ClusterObjects {
    const { informers } = this.#options;
    return {
      service: (key) => {
        this.#looked.add(`service ${key}`);
        return informers.of(services).get(key);
      },
      slices: (key) => informers.of(endpointSlices).byIndex('service', key),
      secret: (key) => this.#secret(key),
      configMap: (key) => {
        this.#looked.add(`config map ${key}`);
        return informers.of(configMaps).get(key);
      },
    };
  }

  #secret(key: string): Secret | undefined {
    this.#looked.add(`secret ${key}`);
    return this.#options.informers.of(secrets).get(key);
  }

  async #issue(ours: readonly Ingress[]): Promise<void> {
    const { client, issuer } = this.#options;
    for (const ingress of ours) {
      await issueCertificates({ ingress, client, issuer, secretOf: (key) => this.#secret(key) });
    }
    this.#loop.requestIn(renewalCheckMs);
  }

  /** Problems are told once, and again when they come back. */
  #report(problems: readonly Problem[]): void {
    const before = this.#told;
    this.#told = new Map();
    for (const problem of problems) {
      const key = problemKey(problem);
      if (this.#told.has(key)) continue;
      this.#told.set(key, problem.message);
      if (!before.has(key)) this.#options.recorder.record(problem.about, 'Warning', problem.reason, problem.message);
    }
  }

  #tell(problem: Problem): void {
    const key = problemKey(problem);
    if (this.#told.has(key)) return;
    this.#told.set(key, problem.message);
    this.#options.recorder.record(problem.about, 'Warning', problem.reason, problem.message);
  }

  async #setStatus(ingress: Ingress, { addresses, urls }: OpenedProxy): Promise<void> {
    if (jsonEquals(ingress.status?.loadBalancer?.ingress ?? [], addresses)) return;
    if (await this.#patchStatus(ingress, addresses)) {
      this.#options.recorder.record(ingress, 'Normal', 'Served', `Served at ${urls.join(', ')}`);
    }
  }

  /** One that was ours and is no longer must not go on to point here. */
  async #clearStatus(ingress: Ingress, { addresses }: OpenedProxy): Promise<void> {
    if (jsonEquals(ingress.status?.loadBalancer?.ingress ?? [], addresses)) await this.#patchStatus(ingress, undefined);
  }

  async #patchStatus(
    { metadata }: Ingress,
    addresses: readonly IngressLoadBalancerIngress[] | undefined,
  ): Promise<boolean> {
    const { client, log } = this.#options;
    const { name = '', namespace = '' } = metadata;
    const document = { status: { loadBalancer: { ingress: addresses ?? null } } };
    try {
      await client.patch(ingresses, { name, namespace }, { kind: 'merge', document }, { subresource: 'status' });
      return true;
    } catch (error) {
      if (!isApiError(error, 'NotFound'))
        log.warn('the status of an ingress was not written', { name, namespace, error });
      return false;
    }
  }
}

function problemKey({ about, reason, message }: Problem): string {
  return `${about.metadata.uid} ${reason} ${message}`;
}

function serviceKeyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.labels?.[serviceNameLabel] ?? ''}`;
}
