/** The parts of an image reference as the reference grammar of the distribution project names them. */
export interface ImageName {
  /** `docker.io`, `localhost`, `registry.example.com:5000`. */
  domain: string;
  /** `library/nginx`. */
  path: string;
  tag: string | undefined;
  digest: string | undefined;
  /** Did the user write the domain? */
  qualified: boolean;
}

const domainPart =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?$/;
const pathPart = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const tagPart = /^\w[\w.-]{0,127}$/;
const digestPart = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** Undefined when the text is no image reference. */
export function parseImageName(text: string): ImageName | undefined {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const qualified = slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const domain = qualified ? first : 'docker.io';
  const rest = qualified ? name.slice(slash + 1) : name;
  const path = domain === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest;
  const valid =
    domainPart.test(domain) &&
    path.split('/').every((part) => pathPart.test(part)) &&
    (tag === undefined || tagPart.test(tag)) &&
    (digest === undefined || digestPart.test(digest));
  return valid ? { domain, path, tag, digest, qualified } : undefined;
}

/**
 * The names under which an image that a user writes may lie on the node, likeliest first: the normalised one, and
 * for a name without a registry the one that local builds carry (`localhost/hello:latest`).
 */
export function imageCandidates(name: ImageName): string[] {
  const suffix = name.digest ? `@${name.digest}` : `:${name.tag ?? 'latest'}`;
  const normal = `${name.domain}/${name.path}${suffix}`;
  const short = name.path.replace(/^library\//, '');
  return name.qualified ? [normal] : [normal, `localhost/${short}${suffix}`];
}

/** What is pulled: the normalised name with its tag or digest. */
export function pullReference(name: ImageName): string {
  return imageCandidates(name)[0] as string;
}
