/** Charges the key of a request with what was computed for its answers: prompts but for what was cached, and all that was generated. */
import type { FastifyRequest } from 'fastify';
import type { Usage } from '../../core/domain/request.js';

/** Events of one answer or of several, which have numbers then. */
interface CostlyEvent {
  readonly type: string;
  readonly choice?: number;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  readonly usage?: Usage;
}

/** Events of which each stands for a token, nearly: of an answer that is given up nothing better is known. */
const PIECES: ReadonlySet<string> = new Set(['token', 'text', 'thinking', 'arguments']);

/** The same events. Charged is when an answer ends, also where their reader gives up or they fail. */
export async function* chargingTokens<E extends CostlyEvent>(
  events: AsyncGenerator<E, void, undefined>,
  { chargeTokens }: Pick<FastifyRequest, 'chargeTokens'>,
): AsyncGenerator<E, void, undefined> {
  if (chargeTokens === undefined) return yield* events;
  /** By answer: what was computed for it so far. */
  const open = new Map<number, number>();
  try {
    for await (const event of events) {
      const { type, choice = 0, promptTokens = 0, cachedTokens = 0, usage } = event;
      if (usage !== undefined) {
        open.delete(choice);
        chargeTokens(usage.promptTokens - usage.cachedTokens + usage.completionTokens); // before its client knows that it is over
      } else if (type === 'started') open.set(choice, promptTokens - cachedTokens);
      else if (PIECES.has(type)) open.set(choice, (open.get(choice) ?? 0) + 1);
      yield event;
    }
  } finally {
    for (const tokens of open.values()) chargeTokens(tokens);
  }
}
