/** One streamed answer of the OpenAI chat API, with the time of every piece. */
import { performance } from 'node:perf_hooks';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { sseData } from '../../client/sse-lines.js';
import { wireError } from '../../client/wire-error.js';
import { SemanticError } from '../../core/domain/errors.js';

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** What is asked; the target adds the name of the model and what its server understands besides. */
export interface ChatBody {
  readonly messages: readonly Message[];
  readonly maxTokens: number;
  /** Whether the server may use and keep KV of the prompt; true without it. */
  readonly cache?: boolean;
  /** A conversation of its own, where the server knows such. */
  readonly session?: string;
}

export interface StreamOptions {
  readonly signal?: AbortSignal;
  /** Called with the time of a piece as it comes. */
  readonly onPiece?: (time: number) => void;
}

export interface Streamed {
  readonly text: string;
  /** When it was asked, when each piece of text came, and when the answer ended: performance.now(), milliseconds. */
  readonly sentAt: number;
  readonly times: readonly number[];
  readonly endedAt: number;
  /** As the server counts them; pieces are counted where it does not. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

const chunkSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z
          .object({ content: z.string().nullish(), reasoning_content: z.string().nullish(), reasoning: z.string().nullish() })
          .nullish(),
      }),
    )
    .default([]),
  usage: z
    .object({
      prompt_tokens: z.number(),
      completion_tokens: z.number(),
      prompt_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
    })
    .nullish(),
});

export interface Asked {
  /** Connections to the server. */
  readonly http: Dispatcher;
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: object;
  /** Of the server, for errors. */
  readonly name: string;
}

/** Throws the error of our daemon, PeerFailed for anybody else's, Cancelled when the signal aborts. */
export async function streamChat({ http, origin, path, headers, json, name }: Asked, options: StreamOptions = {}): Promise<Streamed> {
  const { signal, onPiece } = options;
  const sentAt = performance.now();
  let text = '';
  let usage: z.output<typeof chunkSchema>['usage'] = null;
  const times: number[] = [];
  try {
    const { statusCode, body } = await http.request({
      origin,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ ...json, stream: true, stream_options: { include_usage: true } }),
      signal: signal ?? null,
    });
    if (statusCode !== 200) throw refused(name, statusCode, await body.text());
    for await (const data of sseData(body)) {
      if (data === '[DONE]') break;
      const sent = JSON.parse(data) as unknown;
      const error = wireError(sent);
      if (error !== null) throw ofServer(name, error);
      const chunk = chunkSchema.parse(sent);
      usage = chunk.usage ?? usage;
      const delta = chunk.choices[0]?.delta ?? null;
      const piece = (delta?.content ?? '') + (delta?.reasoning_content ?? delta?.reasoning ?? '');
      if (piece === '') continue;
      text += piece;
      times.push(performance.now());
      onPiece?.(times.at(-1)!);
    }
  } catch (error) {
    if (signal?.aborted === true) throw new SemanticError('Cancelled', 'the answer was cancelled', { cause: error });
    throw broken(name, error);
  }
  return {
    text,
    sentAt,
    times,
    endedAt: performance.now(),
    promptTokens: usage?.prompt_tokens ?? 0,
    cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? times.length,
  };
}

const SHOWN_CHARACTERS = 300;

function refused(name: string, status: number, text: string): SemanticError {
  return (
    wireErrorIn(text) ??
    new SemanticError('PeerFailed', `[bench] ${name} answered with status ${status}: ${text.slice(0, SHOWN_CHARACTERS)}`)
  );
}

/** An error without a code of ours is the server's, not a bug here. */
function ofServer(name: string, error: SemanticError): SemanticError {
  return error.code === 'Internal' ? new SemanticError('PeerFailed', `[bench] ${name} ended its answer with: ${error.message}`) : error;
}

/** Null where the body is not an error of ours. */
function wireErrorIn(text: string): SemanticError | null {
  try {
    const error = wireError(JSON.parse(text));
    return error === null || error.code === 'Internal' ? null : error;
  } catch {
    return null;
  }
}

/** What went wrong with a server that is measured. */
export function broken(name: string, error: unknown): SemanticError {
  if (error instanceof SemanticError) return error;
  const text = error instanceof z.ZodError || error instanceof SyntaxError ? 'it sent what is no event of the chat API' : messageOf(error);
  return new SemanticError('PeerFailed', `[bench] ${name}: ${text}`, { cause: error });
}

function messageOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message === '' || message === undefined ? (code ?? String(error)) : message;
}

/** Time to first token, milliseconds; an answer without text counts until its end. */
export function firstTokenMillis({ sentAt, times, endedAt }: Streamed): number {
  return (times[0] ?? endedAt) - sentAt;
}

/** Tokens per second from the first token on; null where the answer was too short to tell. */
export function decodeRate({ times, completionTokens, endedAt }: Streamed): number | null {
  const first = times[0];
  if (first === undefined || completionTokens < 2) return null;
  const last = times.length > 1 ? times.at(-1)! : endedAt;
  return last > first ? ((completionTokens - 1) * 1000) / (last - first) : null;
}

/** Between the pieces of an answer, milliseconds. */
export function gapsOf({ times }: Pick<Streamed, 'times'>): number[] {
  return times.slice(1).map((time, i) => time - times[i]!);
}
