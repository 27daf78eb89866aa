/** One value on its way into the configuration: where it goes, what it is, and where it came from. */
export interface Setting {
  /** `section.key`. */
  readonly key: string;
  readonly value: unknown;
  /** For messages: a file, an environment variable, a flag. */
  readonly source: string;
}

/** `SEMANTIC_SERVER_PORT` <-> `server.port`. */
export function environmentName(key: string): string {
  return `SEMANTIC_${key.replace('.', '_').toUpperCase()}`;
}
