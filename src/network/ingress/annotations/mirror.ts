import type { Mirror } from '../settings.ts';
import { serviceIn } from './authorize.ts';
import type { AnnotationValues } from './values.ts';

/** Who gets copies of requests: a service of the cluster, or whoever this proxy has a route to. */
export interface WantedMirror extends Omit<Mirror, 'at'> {
  service?: { namespace: string; name: string; port: number };
}

export function readMirror(values: AnnotationValues): WantedMirror | undefined {
  const address = values.word('mirror-target', /[!-~]{1,2000}/, 'an address');
  const host = values.word('mirror-host', /[A-Za-z0-9._:-]{1,255}/, 'a host');
  const withBody = values.onOff('mirror-request-body') ?? true;
  if (address === undefined) return undefined;
  const service = serviceIn(address);
  if (service === 'elsewhere') {
    return values.wrong('mirror-target', 'leads neither to a service of the cluster nor to a host of an ingress');
  }
  const url = values.template('mirror-target', { groups: false });
  return url && { url, withBody, ...(service && { service }), ...(host !== undefined && { host }) };
}
