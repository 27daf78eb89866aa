/** The certificate that the TCP door shows: what is in force, what files make of it, and whether it ends soon. */
import { certificateWarning } from '../adapters/tls/certificate-warning.js';
import { readTls, type TlsMaterial, type TlsSettings } from '../adapters/tls/read-tls.js';

/** What reading the files again comes to; nothing has changed before `apply`. */
export interface TlsChange {
  /** Settings of which paths or contents are others than before. */
  readonly applied: readonly string[];
  /** Whether there is TLS, and whether clients show certificates, is settled when the door opens. */
  readonly needsRestart: readonly string[];
  apply(): void;
}

export interface ServedTlsOptions {
  /** Has the door show it to those who connect from now on. */
  renew(tls: TlsMaterial): void;
  warn(text: string): void;
}

const CHECK_MS = 86_400_000;

export class ServedTls {
  readonly #started: TlsSettings;
  readonly #options: ServedTlsOptions;
  readonly #timer: NodeJS.Timeout;
  #settings: TlsSettings;
  #current: TlsMaterial | null;

  /** `current` is what `settings` name, and the door has been opened with. */
  constructor(settings: TlsSettings, current: TlsMaterial | null, options: ServedTlsOptions) {
    this.#started = settings;
    this.#settings = settings;
    this.#current = current;
    this.#options = options;
    this.#timer = setInterval(() => this.#warn(), CHECK_MS).unref(); // daemons outlive certificates
    this.#warn();
  }

  /** Reads the files that `next` names. Throws ConfigInvalid. */
  prepare(next: TlsSettings): TlsChange {
    const read = readTls(next, Date.now());
    const current = this.#current;
    const needsRestart = NAMES.filter((name) => (next[name] === '') !== (this.#started[name] === ''));
    const isOn = current !== null && read !== null;
    const clientCa = isOn && current.clientCa !== null ? (read.clientCa ?? current.clientCa) : null;
    const changed = isOn ? { ...read, clientCa } : current;
    const applied = isOn
      ? NAMES.filter((name) => !needsRestart.includes(name) && (next[name] !== this.#settings[name] || !isSame(name, current, changed!)))
      : [];
    return {
      applied: applied.map(keyOf),
      needsRestart: needsRestart.map(keyOf),
      apply: () => {
        this.#settings = next;
        this.#current = changed;
        if (changed !== null && applied.length > 0) this.#options.renew(changed);
        this.#warn();
      },
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #warn(): void {
    const text = this.#current === null ? null : certificateWarning(this.#current, Date.now());
    if (text !== null) this.#options.warn(text);
  }
}

const FIELDS = { tls_cert_file: 'cert', tls_key_file: 'key', tls_client_ca_file: 'clientCa' } as const;
const NAMES = Object.keys(FIELDS) as readonly (keyof typeof FIELDS)[];

function keyOf(name: keyof typeof FIELDS): string {
  return `server.${name}`;
}

function isSame(name: keyof typeof FIELDS, before: TlsMaterial, after: TlsMaterial): boolean {
  const [a, b] = [before[FIELDS[name]], after[FIELDS[name]]];
  return a === null || b === null ? a === b : a.equals(b);
}
