/** A chart that cannot be rendered; the message names the template, the line and the column. */
export class RenderError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RenderError';
  }
}
