import { type Path, type Position, pathText } from './tree.ts';

/** What is wrong with a Compose file, and where: `compose.yaml:12: services.web.ports[0]: …`. */
export class ComposeError extends Error {
  readonly position: Position | undefined;
  readonly key: string | undefined;

  constructor(message: string, options: { position?: Position | undefined; path?: Path; cause?: unknown } = {}) {
    const { position, path } = options;
    const key = path && path.length > 0 ? pathText(path) : undefined;
    const where = position ? `${position.file}:${position.line}: ` : '';
    super(`${where}${key ? `${key}: ` : ''}${message}`, { cause: options.cause });
    this.name = 'ComposeError';
    this.position = position;
    this.key = key;
  }
}
