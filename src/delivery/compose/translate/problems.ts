import { ComposeError } from '../compose-error.ts';
import { locate, type Mapping, type Path } from '../tree.ts';

/** What a translation finds that a cluster does not do, each with file, line and key. */
export class Problems {
  readonly #tree: Mapping;
  readonly #isLenient: boolean;
  readonly #refused: string[] = [];
  readonly #warnings: string[] = [];

  constructor(tree: Mapping, options: { lenient?: boolean } = {}) {
    this.#tree = tree;
    this.#isLenient = options.lenient ?? false;
  }

  /** A key that cannot be honoured: an error, or a warning where the user said so (`--lenient`). */
  refuse(path: Path, message: string): void {
    (this.#isLenient ? this.#warnings : this.#refused).push(this.#describe(path, message));
  }

  /** A key whose effect is not quite what it is elsewhere. */
  warn(path: Path, message: string): void {
    this.#warnings.push(this.#describe(path, message));
  }

  /** The warnings; throws {@link ComposeError} with everything that was refused, a line each. */
  finish(): string[] {
    if (this.#refused.length > 0) throw new ComposeError([...new Set(this.#refused)].join('\n'));
    return [...new Set(this.#warnings)];
  }

  #describe(path: Path, message: string): string {
    return new ComposeError(message, { position: locate(this.#tree, path), path }).message;
  }
}
