/** The keys on file as a daemon asks for them: read again as soon as the file is another. */
import { timingSafeEqual } from 'node:crypto';
import { fileVersion } from '../files/file-version.js';
import { readKeys } from './key-file.js';
import { hashSecret } from './secret.js';

export class KeyRing {
  readonly #path: string;
  readonly #report: (error: unknown) => void;
  #version = '';
  #digests: readonly Buffer[] = [];

  /** `report` is told once when the file cannot be read; no key is valid until it can. */
  constructor(path: string, report: (error: unknown) => void) {
    this.#path = path;
    this.#report = report;
  }

  get size(): number {
    this.#refresh();
    return this.#digests.length;
  }

  has(secret: string): boolean {
    this.#refresh();
    const digest = hashSecret(secret);
    let found = false;
    // All are compared, each in constant time: how long it takes says nothing about which one was nearly right.
    for (const one of this.#digests) found = timingSafeEqual(one, digest) || found;
    return found;
  }

  #refresh(): void {
    const version = fileVersion(this.#path);
    if (version === this.#version) return;
    this.#version = version;
    this.#digests = [];
    try {
      this.#digests = readKeys(this.#path).map(({ sha256 }) => Buffer.from(sha256, 'hex'));
    } catch (error) {
      this.#report(error);
    }
  }
}
