/** What of a request may be written down. Headers that are not listed never are; rules of the user take out of bodies what they match. */
import { SemanticError } from '../../core/domain/errors.js';

/** What says what a request is and whose, and what clients and vendors say of themselves. None of them carries a key. */
export const KEPT_HEADERS = [
  'accept',
  'content-type',
  'user-agent',
  'session-id',
  'session_id',
  'thread-id',
  'traceparent',
  'x-app',
  'anthropic-beta',
  'anthropic-version',
  'anthropic-dangerous-direct-browser-access',
  'openai-beta',
  'x-claude-code-*',
  'x-codex-*',
  'x-session-*',
  'x-parent-session-id',
  'x-semantic-*',
  'x-stainless-*',
] as const;

/** Whatever else a list says: these are secrets. */
const SECRET = /auth|cookie|credential|key|password|secret|signature|token/i;

const REPLACED = '[redacted]';

const NAMES = new Set<string>(KEPT_HEADERS.filter((name) => !name.endsWith('*')));
const BEGINNINGS = KEPT_HEADERS.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));

export class Redaction {
  readonly #rules: readonly RegExp[];

  /** `rules`: sources of regular expressions. Throws ConfigInvalid for one that is none. */
  constructor(rules: readonly string[]) {
    this.#rules = rules.map(compiled);
  }

  get rules(): string[] {
    return this.#rules.map(({ source }) => source);
  }

  headers(headers: Readonly<Record<string, string | readonly string[] | number | undefined>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) =>
        value === undefined || !isKept(name.toLowerCase()) ? [] : [[name.toLowerCase(), this.text(String(value))]],
      ),
    );
  }

  /** Values of a query whose names sound like secrets are taken out. */
  path(url: string): string {
    const [path = '/', query] = url.split('?', 2);
    if (query === undefined) return this.text(path);
    const kept = query.split('&').map((part) => {
      const [name = ''] = part.split('=', 1);
      return SECRET.test(name) ? `${name}=${REPLACED}` : part;
    });
    return this.text(`${path}?${kept.join('&')}`);
  }

  text(text: string): string {
    return this.#rules.reduce((left, rule) => left.replaceAll(rule, REPLACED), text);
  }

  /** Every string in it, names of fields excepted. The same value where there are no rules. */
  json(value: unknown): unknown {
    if (this.#rules.length === 0) return value;
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.json(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.json(item)]));
  }

  /** Of an event: strings in it where it is JSON, else as text, so that it stays what it was. */
  event(data: string): string {
    if (this.#rules.length === 0) return data;
    try {
      return JSON.stringify(this.json(JSON.parse(data)));
    } catch {
      return this.text(data);
    }
  }
}

function isKept(name: string): boolean {
  return !SECRET.test(name) && (NAMES.has(name) || BEGINNINGS.some((beginning) => name.startsWith(beginning)));
}

function compiled(rule: string): RegExp {
  try {
    return new RegExp(rule, 'gu');
  } catch (cause) {
    throw new SemanticError(
      'ConfigInvalid',
      `recording.redact: wanted regular expressions, got ${JSON.stringify(rule)}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}
