/**
 * Which exchange a request goes on from: the one whose answer its body holds. Ids that an answer gave say so, and the last text of the assistant;
 * where an answer comes back in no form that is known, the longest conversation that this one begins with.
 */
import { createHash, hash } from 'node:crypto';
import { answerOf, fields, list, parsed } from './answer.js';
import type { Exchange } from './format.js';
import { idsIn } from './ids.js';

/** What it is found by. */
export type Asked = Pick<Exchange, 'id' | 'path' | 'body'>;
export type Answered = Asked & Pick<Exchange, 'status' | 'answer' | 'events'>;

/** The least recently answered are forgotten. */
const MAX_REMEMBERED = 20_000;

export class Predecessors {
  /** By id that was made, by text that was said, by conversation that was asked about: each with a word before it. */
  readonly #known = new Map<string, number>();

  /** Of those that were answered before; null where it goes on from none. */
  find(asked: Asked): number | null {
    const earlier = (key: string): number | null => {
      const id = this.#known.get(key);
      return id === undefined || id >= asked.id ? null : id;
    };
    const last = (keys: readonly string[]): number | null => keys.reduceRight<number | null>((found, key) => found ?? earlier(key), null);
    const byId = idsIn(asked.body).flatMap(({ value }) => earlier(`id ${value}`) ?? []);
    const byText = last(textsIn(asked).map(textKey));
    const found = [...byId, ...(byText === null ? [] : [byText])];
    if (found.length > 0) return Math.max(...found); // a body has all that was said before, too
    return earlier(agentKey(asked.path)) ?? last(beginningsOf(asked));
  }

  answered(exchange: Answered): void {
    const { id, answer, events, path } = exchange;
    const parts = events === null ? [answer] : events.flatMap(({ data }) => parsed(data));
    for (const part of parts) for (const { value } of idsIn(part)) this.#remember(`id ${value}`, id);
    const made = fields(answer)['id'];
    if (path.split('?')[0] === '/v1/agents' && typeof made === 'string') this.#remember(`agent ${made}`, id);
    if (agentKey(path) !== '') this.#remember(agentKey(path), id);
    const text = answerOf(exchange)?.text.trim() ?? '';
    if (text !== '') this.#remember(textKey(text), id);
    const whole = beginningsOf(exchange, true).at(-1);
    if (whole !== undefined) this.#remember(whole, id);
  }

  #remember(key: string, id: number): void {
    this.#known.delete(key);
    this.#known.set(key, id);
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
  }
}

/** Turns of an agent are asked for by its id. */
function agentKey(path: string): string {
  const agent = /^\/v1\/agents\/([^/?]+)/.exec(path)?.[1];
  return agent === undefined ? '' : `agent ${agent}`;
}

function textKey(text: string): string {
  return `text ${hash('sha256', text, 'base64')}`;
}

/** Messages of a conversation, in any dialect. */
function messagesOf(body: unknown): Record<string, unknown>[] {
  const { messages, input } = fields(body);
  return list(messages ?? input);
}

/** What the assistant is said to have said, the last text last. */
function textsIn({ body }: Asked): string[] {
  return messagesOf(body)
    .filter(({ role }) => role === 'assistant')
    .map(({ content }) =>
      (typeof content === 'string'
        ? content
        : list(content)
            .map(({ type, text }) => (type === 'thinking' ? '' : (text ?? '')))
            .join('')
      ).trim(),
    )
    .filter((text) => text !== '');
}

/** A key for every beginning of its conversation, but for all of it; `isWhole`: also for that, as the last one. */
function beginningsOf({ path, body }: Asked, isWhole = false): string[] {
  const messages = messagesOf(body);
  const all = createHash('sha256').update(path.split('?')[0]!);
  const keys = messages.map((message) => `conversation ${all.update(canonical(message)).copy().digest('base64')}`);
  return isWhole ? keys : keys.slice(0, -1);
}

/** A text is the same as a list with it, and where a client wants to be cached says nothing. */
function canonical(message: Record<string, unknown>): string {
  const { content } = message;
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  return JSON.stringify({ ...message, content: blocks }, (name, value: unknown) => (name === 'cache_control' ? undefined : value));
}
