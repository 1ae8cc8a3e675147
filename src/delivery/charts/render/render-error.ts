/** A chart that cannot be rendered; the message names the template, the line and the column. */
export class RenderError extends Error {
  /** The line of the template, and a mark below the column; '' where there is none. */
  readonly excerpt: string;

  constructor(message: string, cause: unknown, excerpt = '') {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RenderError';
    this.excerpt = excerpt;
  }
}

/** What a chart renders to is no YAML. */
export class InvalidYamlError extends RenderError {
  /** What each template gave, by its name. */
  readonly rendered: ReadonlyMap<string, string>;
  /** Whoever reads the message has seen what was rendered. */
  isShown = false;

  constructor(message: string, cause: unknown, rendered: ReadonlyMap<string, string>) {
    super(message, cause);
    this.name = 'InvalidYamlError';
    this.rendered = rendered;
  }
}
