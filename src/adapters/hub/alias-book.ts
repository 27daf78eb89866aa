import { fileVersion } from '../files/file-version.js';
import { type Aliases, readAliases } from './alias-file.js';

/** The aliases on file as a daemon asks for them: read again as soon as the file is another. */
export class AliasBook {
  readonly #path: string;
  readonly #report: (error: unknown) => void;
  #version = '';
  #aliases: Aliases = new Map();

  /** `report` is told once when the file cannot be read; there are no aliases until it can. */
  constructor(path: string, report: (error: unknown) => void) {
    this.#path = path;
    this.#report = report;
  }

  read(): Aliases {
    const version = fileVersion(this.#path);
    if (version === this.#version) return this.#aliases;
    this.#version = version;
    this.#aliases = new Map();
    try {
      this.#aliases = readAliases(this.#path);
    } catch (error) {
      this.#report(error);
    }
    return this.#aliases;
  }
}
