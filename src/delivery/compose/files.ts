/** The files of a project, as the loader sees them: paths are absolute. */
export interface ProjectFiles {
  /** Text of a file; undefined when there is none. Other failures are thrown. */
  read(path: string): string | undefined;
  isDirectory(path: string): boolean;
  exists(path: string): boolean;
}
