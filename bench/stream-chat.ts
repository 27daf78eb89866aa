/** One streamed answer of the Chat API, as our daemon and llama-server have it, with the time of every piece. */
import { performance } from 'node:perf_hooks';

export interface Message {
  readonly role: string;
  readonly content: string;
}

export interface Streamed {
  readonly text: string;
  /** When it was asked, and when each piece of text came: performance.now(), milliseconds. */
  readonly sentAt: number;
  readonly times: readonly number[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string | null } }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens: number };
  } | null;
}

export interface StreamOptions {
  readonly signal?: AbortSignal;
  /** Called with the time of a piece as it comes. */
  readonly onPiece?: (time: number) => void;
}

/** `body` says model, messages and limits. */
export async function streamChat(base: string, body: object, { signal, onPiece }: StreamOptions = {}): Promise<Streamed> {
  const sentAt = performance.now();
  const reply = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!reply.ok || reply.body === null) throw new Error(`${base} answered ${reply.status}: ${await reply.text()}`);
  let [text, buffered] = ['', ''];
  let usage: Chunk['usage'] = null;
  const times: number[] = [];
  for await (const bytes of reply.body.pipeThrough(new TextDecoderStream())) {
    const events = (buffered + bytes).split('\n\n');
    buffered = events.pop()!;
    for (const event of events) {
      if (!event.startsWith('data: {')) continue;
      const chunk = JSON.parse(event.slice(6)) as Chunk;
      const content = chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
      if (content === '') continue;
      text += content;
      times.push(performance.now());
      onPiece?.(times.at(-1)!);
    }
  }
  return {
    text,
    sentAt,
    times,
    promptTokens: usage?.prompt_tokens ?? 0,
    cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? 0,
  };
}
