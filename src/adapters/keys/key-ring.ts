/** The keys on file as a daemon asks for them: read again as soon as the file is another. */
import { timingSafeEqual } from 'node:crypto';
import { fileVersion } from '../files/file-version.js';
import { readKeys } from './key-file.js';
import { hashSecret } from './secret.js';

export class KeyRing {
  readonly #path: string;
  readonly #report: (error: unknown) => void;
  #version = '';
  #keys: readonly { readonly name: string; readonly digest: Buffer }[] = [];

  /** `report` is told once when the file cannot be read; no key is valid until it can. */
  constructor(path: string, report: (error: unknown) => void) {
    this.#path = path;
    this.#report = report;
  }

  get size(): number {
    this.#refresh();
    return this.#keys.length;
  }

  /** Null for one that is not on file. */
  nameOf(secret: string): string | null {
    this.#refresh();
    const wanted = hashSecret(secret);
    let found: string | null = null;
    // All are compared, each in constant time: how long it takes says nothing about which one was nearly right.
    for (const { name, digest } of this.#keys) if (timingSafeEqual(digest, wanted)) found = name;
    return found;
  }

  #refresh(): void {
    const version = fileVersion(this.#path);
    if (version === this.#version) return;
    this.#version = version;
    this.#keys = [];
    try {
      this.#keys = readKeys(this.#path).map(({ name, sha256 }) => ({ name, digest: Buffer.from(sha256, 'hex') }));
    } catch (error) {
      this.#report(error);
    }
  }
}
