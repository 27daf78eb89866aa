/** Exchanges as recordings have them, with what a test does not care about filled in. */
import type { Exchange, ManifestHead } from '../../../src/adapters/recordings/format.js';

export function exchangeOf(given: Partial<Exchange> & Pick<Exchange, 'id'>): Exchange {
  return {
    requestId: null,
    caller: 0,
    predecessor: null,
    method: 'POST',
    path: '/v1/messages',
    headers: {},
    body: null,
    at: given.id * 100,
    status: 200,
    answerHeaders: {},
    answer: null,
    events: null,
    firstMs: 1,
    totalMs: 2,
    usage: null,
    generations: [],
    cancelled: null,
    truncated: false,
    ...given,
  };
}

export const HEAD: ManifestHead = {
  semantic: '0.0.0',
  source: 'daemon',
  model: null,
  settings: {},
  redaction: { headers: [], rules: [] },
  machine: null,
};

/** An answer of the Messages API. */
export function said(id: string, text: string): object {
  return { id, type: 'message', content: [{ type: 'text', text }], stop_reason: 'end_turn' };
}
