import { ShipError } from './ship-error.ts';

/** What `${…}` in a `timonel.yaml` stands for. */
export interface Variables {
  /** By image: `registry/team/web:tag` and its parts. */
  images: Readonly<Record<string, ImageReference>>;
  commit: string;
  environment: Readonly<Record<string, string | undefined>>;
}

export interface ImageReference {
  /** As pods name it: `localhost:5000/team/web:3f2a…`. */
  reference: string;
  /** The reference less its tag. */
  repository: string;
  tag: string;
}

/**
 * Fills in `${images.web}` (also `.repository`, `.tag`), `${commit}` and `${env.NAME}` in every text of a value; `$${` is
 * a plain `${`. `where` begins the error for a name that means nothing.
 */
export function fillIn<T>(value: T, variables: Variables, where: string): T {
  if (typeof value === 'string') return fillText(value, variables, where) as T;
  if (Array.isArray(value)) return value.map((item, i) => fillIn<unknown>(item, variables, `${where}[${i}]`)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    fillIn<unknown>(inner, variables, `${where}.${key}`),
  ]);
  return Object.fromEntries(entries) as T;
}

function fillText(text: string, variables: Variables, where: string): string {
  return text.replace(/\$(\$\{)|\$\{([^}]*)\}/g, (_, plain: string | undefined, name = '') =>
    plain === undefined ? valueOf(String(name).trim(), variables, where) : plain,
  );
}

function valueOf(name: string, { images, commit, environment }: Variables, where: string): string {
  const [kind, key = '', part] = name.split('.');
  if (name === 'commit') return commit;
  if (kind === 'env' && key !== '') {
    const value = environment[name.slice('env.'.length)];
    if (value !== undefined) return value;
    throw new ShipError(`${where}: the environment has no ${key}`, { hint: `Set it: export ${key}=…` });
  }
  const image = kind === 'images' && Object.hasOwn(images, key) ? images[key] : undefined;
  if (image && part === undefined) return image.reference;
  if (image && (part === 'repository' || part === 'tag')) return image[part];
  const known = Object.keys(images).map((each) => `images.${each}`);
  throw new ShipError(`${where}: \${${name}} means nothing`, {
    hint: `There are: ${[...known, 'commit', 'env.NAME'].join(', ')}; images also have .repository and .tag.`,
  });
}

/**
 * A chart's values with the image that was built, where the user's own values do not mention it: `image: NAME` as one
 * text, or `image.repository` and `image.tag`, as charts have it.
 */
export function withDefaultImage(
  values: Record<string, unknown>,
  { chartImage, image }: { chartImage: unknown; image: ImageReference },
): Record<string, unknown> {
  if (values['image'] !== undefined) return values;
  if (typeof chartImage === 'string') return { ...values, image: image.reference };
  const isParted = typeof chartImage === 'object' && chartImage !== null && 'repository' in chartImage;
  return isParted ? { ...values, image: { repository: image.repository, tag: image.tag } } : values;
}
