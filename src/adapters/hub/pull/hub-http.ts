/** Requests to the hub: its token for it alone, redirects followed, waits where it asks for them, errors as users understand them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';
import { SemanticError } from '../../../core/domain/errors.js';

export interface HubOptions {
  /** Such as `https://huggingface.co`. */
  readonly endpoint: string;
  readonly token: string | null;
  /** Attempts after the first where the hub is busy or the connection breaks. */
  readonly retries: number;
  /** To connect, and between two pieces of an answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type HubAnswer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'> & {
  /** Of the answer before any redirect, where the hub tells a file's identity. */
  readonly firstHeaders: Dispatcher.ResponseData['headers'];
  readonly url: URL;
};

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;
const BUSY = new Set([408, 429, 500, 502, 503, 504]);
const MAX_WAIT_SECONDS = 300;
const NO_SPACE = new Set(['ENOSPC', 'EDQUOT']);

export class HubHttp {
  readonly #options: HubOptions;
  readonly #endpoint: URL;
  readonly #agent: Agent;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#endpoint = endpointOf(options.endpoint);
    const { timeoutMs } = options;
    this.#agent = new Agent({ connect: { timeout: timeoutMs }, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  }

  url(path: string): URL {
    return new URL(`${this.#endpoint.pathname.replace(/\/$/, '')}${path}`, this.#endpoint);
  }

  /** `what`: for messages. */
  json(url: URL, what: string): Promise<{ readonly json: unknown; readonly headers: HubAnswer['headers']; readonly url: URL }> {
    return this.retrying(what, async () => {
      const answer = await this.get(url, what, {});
      return { json: await answer.body.json(), headers: answer.headers, url: answer.url };
    });
  }

  /** Calls `attempt` again while it fails with what may pass. */
  async retrying<T>(what: string, attempt: (number: number) => Promise<T>): Promise<T> {
    const { retries, signal } = this.#options;
    for (let number = 0; ; number++) {
      try {
        return await attempt(number);
      } catch (error) {
        if (signal.aborted) throw new SemanticError('Cancelled', `[pull] ${what} was stopped`, { cause: error });
        if (NO_SPACE.has((error as NodeJS.ErrnoException).code ?? '')) throw diskFull(what, error);
        const wait = error instanceof Busy ? error.waitSeconds : null;
        if (error instanceof SemanticError && !(error instanceof Busy)) throw error;
        if (number >= retries) throw failed(what, error, number + 1);
        await sleep(wait === null ? 250 * 2 ** number : wait * 1000, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  /** An answer of 2xx; its body is to be read or destroyed. One attempt. */
  async get(start: URL, what: string, headers: Readonly<Record<string, string>>): Promise<HubAnswer> {
    let url = start;
    let firstHeaders: HubAnswer['firstHeaders'] | null = null;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const own = url.origin === this.#endpoint.origin && this.#options.token !== null;
      const sent = { 'user-agent': 'semantic', ...headers, ...(own ? { authorization: `Bearer ${this.#options.token}` } : {}) };
      const answer = await request(url, { dispatcher: this.#agent, headers: sent, signal: this.#options.signal });
      firstHeaders ??= answer.headers;
      if (!REDIRECTS.has(answer.statusCode)) {
        if (answer.statusCode >= 200 && answer.statusCode < 300) return { ...answer, firstHeaders, url };
        await answer.body.dump();
        throw refused(answer.statusCode, answer.headers, what, this.#options.token !== null);
      }
      await answer.body.dump();
      url = redirected(url, answer.headers['location'], what);
    }
    throw new SemanticError('DownloadFailed', `[pull] ${what}: more than ${MAX_REDIRECTS} redirects`);
  }
}

/** What may pass when it is tried again. */
class Busy extends SemanticError {
  constructor(
    message: string,
    readonly waitSeconds: number | null,
  ) {
    super('DownloadFailed', message);
  }
}

function diskFull(what: string, cause: unknown): SemanticError {
  const hint = 'Free some space, or set SEMANTIC_HOME to a folder on a larger disk, and run the same command again.';
  return new SemanticError('DiskFull', `[pull] no space left while fetching ${what}`, { cause, hint });
}

function endpointOf(text: string): URL {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new SemanticError('ConfigInvalid', `[pull] the hub's address is ${JSON.stringify(text)}, wanted one like https://huggingface.co`, {
    hint: 'It is the setting hub.endpoint, or HF_ENDPOINT.',
  });
}

function redirected(from: URL, location: string | string[] | undefined, what: string): URL {
  if (typeof location !== 'string' || !URL.canParse(location, from.href)) {
    throw new SemanticError('DownloadFailed', `[pull] ${what}: a redirect to ${JSON.stringify(location)}`);
  }
  const to = new URL(location, from);
  if (to.protocol === from.protocol || to.protocol === 'https:') return to;
  throw new SemanticError('DownloadFailed', `[pull] ${what}: a redirect from ${from.protocol}// to ${to.protocol}// is not followed`);
}

function refused(status: number, headers: Dispatcher.ResponseData['headers'], what: string, hasToken: boolean): SemanticError {
  if (BUSY.has(status)) return new Busy(`[pull] ${what}: the hub answered ${status}`, retryAfter(headers['retry-after']));
  if (status === 404) {
    return new SemanticError('ModelNotFound', `[pull] ${what}: the hub has no such repository, revision or file`, {
      param: 'source',
      hint: hasToken ? 'Check how it is written.' : 'Check how it is written; a private one needs HF_TOKEN.',
    });
  }
  if (status === 401 || status === 403) {
    return new SemanticError(
      'DownloadFailed',
      `[pull] ${what}: the hub answered ${status}, it lets ${hasToken ? 'this token' : 'nobody'} in`,
      {
        hint: hasToken
          ? 'Accept the terms of the repository on its page, with the account HF_TOKEN is of, and let the token read it.'
          : 'Set HF_TOKEN to a token that may read it; a gated repository wants its terms accepted first.',
      },
    );
  }
  return new SemanticError('DownloadFailed', `[pull] ${what}: the hub answered ${status}`);
}

/** Seconds, or a date. */
function retryAfter(value: string | string[] | undefined): number | null {
  if (typeof value !== 'string') return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), MAX_WAIT_SECONDS) : null;
}

function failed(what: string, error: unknown, attempts: number): SemanticError {
  const reason = error instanceof SemanticError ? error.message.replace(/^\[pull\] .*?: /, '') : (error as Error).message;
  return new SemanticError('DownloadFailed', `[pull] ${what} failed ${attempts} times, at last: ${reason}`, {
    hint: 'What arrived is kept: run the same command again to go on.',
    cause: error,
  });
}
