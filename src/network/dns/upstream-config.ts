import type { ConfigMap } from '../../api/types/core-v1.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import type { Informers } from '../../client/informers.ts';
import { configMaps } from '../../client/resources.ts';
import type { Forwarder } from './forwarder.ts';
import { noUpstreamSettings, parseUpstreams } from './upstreams.ts';

/**
 * Keeps a forwarder to what the ConfigMap `kube-system/kube-dns` says, from the moment it changes. What cannot be read
 * in it becomes an event of the ConfigMap. Returns the function that ends it.
 */
export function followUpstreamConfig(options: {
  informers: Informers;
  forwarder: Pick<Forwarder, 'configure'>;
  recorder: EventRecorder;
}): () => void {
  const { informers, forwarder, recorder } = options;
  const selection = { namespace: 'kube-system', fieldSelector: 'metadata.name=kube-dns' };
  const read = (configMap: ConfigMap): void => {
    const { settings, problems } = parseUpstreams(configMap.data ?? {});
    forwarder.configure(settings);
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: configMap.metadata };
    for (const problem of problems) recorder.record(object, 'Warning', 'InvalidUpstream', problem);
  };
  return informers.of(configMaps, selection).subscribe({
    added: read,
    updated: read,
    deleted: () => forwarder.configure(noUpstreamSettings),
  });
}
