/** Models as the Messages API lists them. */
import type { ModelFacts } from '../models.js';

export function modelInfo({ served, contextLength, loadedAt }: ModelFacts): object {
  return {
    type: 'model',
    id: served.id,
    display_name: served.id,
    created_at: new Date(loadedAt * 1000).toISOString(),
    max_input_tokens: contextLength,
    max_tokens: contextLength,
    capabilities: null,
    deprecated_at: null,
    lifecycle: 'active',
    line: null,
    retires_at: null,
  };
}

/** All there are: one page. */
export function modelPage(facts: ModelFacts): object {
  const { id } = facts.served;
  return { data: [modelInfo(facts)], has_more: false, first_id: id, last_id: id };
}
