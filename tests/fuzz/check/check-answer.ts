/** What every answer has to be, whatever was asked. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { sseEvents } from '../../support/wire.js';
import { type Answer, shown } from '../wire/read-answers.js';

/** Statuses from 500 on that say what the daemon cannot do just now, and are no bug: docs/errors.md, docs/api-messages.md. */
const TOLD: ReadonlySet<number> = new Set([503, 504, 529]);

/** Errors of the table that a stream may end with, although their status is 500 or more. */
const TOLD_CODES: ReadonlySet<string> = new Set([
  'model_unavailable',
  'pool_exhausted',
  'out_of_memory',
  // Of a pull.
  'download_failed',
  'model_file_missing',
  'model_unsupported',
]);

/** Whose errors; `any` where nobody can know. */
export type Dialect = 'openai' | 'messages' | 'any';

export interface Asked {
  readonly dialect: Dialect;
  readonly isHead: boolean;
  /** Health says 503 in its own word. */
  readonly isHealth: boolean;
  readonly door: 'tcp' | 'unix';
}

export interface ErrorSchemas {
  readonly Error: object;
  readonly MessagesError: object;
}

export class AnswerCheck {
  readonly #error: ValidateFunction;
  readonly #messagesError: ValidateFunction;

  /** `secrets`: folders of the machine, which no error names. */
  constructor(
    schemas: ErrorSchemas,
    private readonly secrets: readonly string[],
  ) {
    const ajv = new Ajv2020({ strict: false });
    this.#error = ajv.compile(schemas.Error);
    this.#messagesError = ajv.compile(schemas.MessagesError);
  }

  /** Null = nothing is wrong with it. */
  faultOf(answer: Answer, { dialect, isHead, isHealth, door }: Asked): string | null {
    const { status, headers, body } = answer;
    const said = `${status} ${shown(body, 400)}`;
    if (status >= 500 && !TOLD.has(status)) return `a server error: ${said}`;
    if (status === 429 && !headers.has('retry-after')) return `a 429 that does not say when to come again: ${said}`;
    if (headers.has('x-injected')) return `a header that the request wrote: ${said}`;
    if (status < 400) return headers.get('content-type')?.startsWith('text/event-stream') === true ? this.#inStream(body, door) : null;
    if (isHead || isHealth) return null;
    if (headers.get('content-type')?.startsWith('application/json') !== true) return `an error that is no JSON: ${said}`;
    return this.#inError(body.toString(), dialect) ?? this.#leak(body.toString(), door);
  }

  #inError(text: string, dialect: Dialect): string | null {
    const error = parsed(text);
    if (error === undefined) return `an error that is no JSON: ${text.slice(0, 400)}`;
    const isOpenAi = this.#error(error);
    const isMessages = this.#messagesError(error);
    // What Node's parser refuses is answered in every dialect at once: docs/security.md.
    const isOfAll = isOpenAi && (error as { readonly type?: unknown }).type === 'error';
    const isRight = dialect === 'messages' ? isMessages || isOfAll : isOpenAi || (dialect === 'any' && isMessages);
    return isRight ? null : `not an error as ${dialect} has it: ${text.slice(0, 400)}`;
  }

  /** Who comes through the Unix socket is the daemon's own user, and may be told where files lie. */
  #leak(text: string, door: Asked['door']): string | null {
    const secret = door === 'unix' ? undefined : this.secrets.find((folder) => text.includes(folder));
    if (secret !== undefined) return `an error that names ${secret}: ${text.slice(0, 600)}`;
    return /\\n {4}at |node:internal|node_modules|file:\/\/\//.test(text) ? `an error with a stack: ${text.slice(0, 600)}` : null;
  }

  #inStream(body: Buffer, door: Asked['door']): string | null {
    for (const { data } of sseEvents(body.toString())) {
      const error = data['error'] ?? (data['response'] as Record<string, unknown> | undefined)?.['error'];
      if (typeof error !== 'object' || error === null) continue;
      const { code, type } = error as { readonly code?: string; readonly type?: string };
      const text = JSON.stringify(data);
      const leak = this.#leak(text, door);
      if (leak !== null) return leak;
      if ((type === 'server_error' || type === 'api_error' || code === 'server_error') && !TOLD_CODES.has(code ?? ''))
        return `a server error in a stream: ${text.slice(0, 600)}`;
    }
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
