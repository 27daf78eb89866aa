/** The keys on file as a daemon asks for them: read again as soon as the file is another. */
import { timingSafeEqual } from 'node:crypto';
import { fileVersion } from '../files/file-version.js';
import { type KeyOnFile, readKeys } from './key-file.js';
import { hashSecret } from './secret.js';

/** A key on file, as far as it is known. */
export type KnownKey = Omit<KeyOnFile, 'start'>;

interface KeptKey {
  readonly digest: Buffer;
  readonly key: KnownKey;
}

export class KeyRing {
  readonly #path: string;
  readonly #report: (error: unknown) => void;
  #version = '';
  #kept: readonly KeptKey[] = [];

  /** `report` is told once when the file cannot be read; no key is valid until it can. */
  constructor(path: string, report: (error: unknown) => void) {
    this.#path = path;
    this.#report = report;
  }

  get size(): number {
    this.#refresh();
    return this.#kept.length;
  }

  /** Null for one that is not on file. */
  find(secret: string): KnownKey | null {
    this.#refresh();
    const wanted = hashSecret(secret);
    let found: KnownKey | null = null;
    // All are compared, each in constant time: how long it takes says nothing about which one was nearly right.
    for (const { digest, key } of this.#kept) if (timingSafeEqual(digest, wanted)) found = key;
    return found;
  }

  /** The one whose hash begins so: jobs name their owner by it. Null where it is on file no more. */
  findByHash(start: string): KnownKey | null {
    this.#refresh();
    return this.#kept.find(({ key }) => key.sha256.startsWith(start))?.key ?? null;
  }

  #refresh(): void {
    const version = fileVersion(this.#path);
    if (version === this.#version) return;
    this.#version = version;
    this.#kept = [];
    try {
      this.#kept = readKeys(this.#path).map((key) => ({ digest: Buffer.from(key.sha256, 'hex'), key }));
    } catch (error) {
      this.#report(error);
    }
  }
}
