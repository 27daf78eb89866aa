/** An exchange as others have recorded it, before it has a number and a predecessor and before anything is taken out of it. */
import type { Exchange } from '../format.js';

export type Foreign = Pick<Exchange, 'method' | 'path' | 'body' | 'at' | 'status' | 'answer' | 'events' | 'firstMs' | 'totalMs'> & {
  readonly headers: Readonly<Record<string, string>>;
  readonly answerHeaders: Readonly<Record<string, string>>;
  readonly wasLeft: boolean;
};

/** Of a model or of agents; whatever else went over the wire is passed over. */
export function isOfDialect(path: string): boolean {
  return /^\/v1\/(?:chat\/completions|completions|embeddings|messages|responses|agents)\b/.test(path);
}
