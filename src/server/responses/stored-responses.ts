/**
 * Responses that are kept (`store`), with what they were asked: they outlive their process, as agents do, and the least recently used go
 * (`responses.*`). A response names those it goes on from; nothing is kept twice. Of another API key it is not there.
 */
import type { RecordStore } from '../../adapters/records/record-store.js';
import { SemanticError } from '../../core/domain/errors.js';
import { type HeardItem, type Item, responseOfItem } from './items.js';
import type { ResponseBody } from './response-body.js';
import type { StreamEvent } from './stream-events.js';

export interface StoredResponse {
  readonly response: ResponseBody;
  /** Its own; not those of the responses it goes on from. */
  readonly input: readonly Item[];
  /** Ids of the responses it goes on from, the first first. */
  readonly ancestors: readonly string[];
  /** Of its stream, where it can be asked for again. */
  readonly events: readonly StreamEvent[] | null;
}

/** What a response goes on from. */
export interface History {
  readonly items: readonly HeardItem[];
  readonly ancestors: readonly string[];
}

const RESPONSE_ID = /^resp_[0-9a-f]{48}$/;
const GOING_ON = ['queued', 'in_progress'];

export class StoredResponses {
  constructor(private readonly records: RecordStore) {}

  keep(scope: string, stored: StoredResponse): void {
    this.records.put({ scope, id: stored.response.id }, JSON.stringify(stored));
  }

  /** Null where there is none of this id in this scope. */
  async find(scope: string, id: string): Promise<StoredResponse | null> {
    const text = RESPONSE_ID.test(id) ? await this.records.get({ scope, id }) : null;
    if (text === null) return null;
    const stored = JSON.parse(text) as StoredResponse;
    return GOING_ON.includes(stored.response.status) ? { ...stored, response: abandoned(stored.response) } : stored;
  }

  /** Throws ResponseNotFound. */
  async get(scope: string, id: string): Promise<StoredResponse> {
    const stored = await this.find(scope, id);
    if (stored === null) throw notFound(id);
    return stored;
  }

  /** Throws PreviousResponseNotFound. */
  async history(scope: string, previous: string): Promise<History> {
    const last = await this.find(scope, previous);
    if (last === null) throw previousNotFound(`Previous response with id '${previous}' not found.`);
    const before = await Promise.all(last.ancestors.map((id) => this.find(scope, id)));
    const missing = last.ancestors.find((_, i) => before[i] === null);
    if (missing !== undefined)
      throw previousNotFound(`Previous response with id '${previous}' goes on from '${missing}', which is not there any more.`);
    const items = [...before, last].flatMap((stored) => heardOf(stored!));
    return { items, ancestors: [...last.ancestors, previous] };
  }

  /** All that a response was made of, the first first. What is gone of it is left out. */
  async inputOf(scope: string, { input, ancestors }: StoredResponse): Promise<readonly Item[]> {
    const before = await Promise.all(ancestors.map((id) => this.find(scope, id)));
    return [...before.flatMap((stored) => (stored === null ? [] : heardOf(stored).map(({ item }) => item))), ...input];
  }

  /** What `item_reference` names. Throws ResponseNotFound. */
  async item(scope: string, id: string, at: string): Promise<HeardItem> {
    const of = responseOfItem(id);
    const stored = of === null ? null : await this.find(scope, of);
    const heard = stored === null ? undefined : heardOf(stored).find(({ item }) => item.id === id);
    if (heard !== undefined) return { ...heard, at };
    const hint = 'Only items of stored responses can be referred to: set store to true, or send the item itself.';
    throw new SemanticError('ResponseNotFound', `Item with id '${id}' not found.`, { param: at, hint });
  }

  async remove(scope: string, id: string): Promise<boolean> {
    return RESPONSE_ID.test(id) && this.records.remove({ scope, id });
  }
}

export function notFound(id: string): SemanticError {
  return new SemanticError('ResponseNotFound', `Response with id '${id}' not found.`);
}

function previousNotFound(message: string): SemanticError {
  return new SemanticError('PreviousResponseNotFound', message, {
    param: 'previous_response_id',
    hint: 'Send the whole conversation as input instead.',
  });
}

/** What was put out is our own; what came in has to say so by its seal. */
function heardOf({ response, input }: StoredResponse): HeardItem[] {
  const at = `previous_response_id (${response.id})`;
  return [...input.map((item) => ({ item, isKept: false, at })), ...response.output.map((item) => ({ item, isKept: true, at }))];
}

/** It was kept while it was being made, and its process is gone. */
function abandoned(response: ResponseBody): ResponseBody {
  return { ...response, status: 'failed', error: { code: 'server_error', message: 'the daemon ended before the answer was complete' } };
}
