/** The files of a project, as the loader sees them: paths are absolute. */
export interface ProjectFiles {
  /** Text of a file; undefined when there is none. Other failures are thrown. */
  read(path: string): string | undefined;
  /** As `read`, without taking it for a text. */
  readBytes(path: string): Uint8Array | undefined;
  isDirectory(path: string): boolean;
  exists(path: string): boolean;
}
