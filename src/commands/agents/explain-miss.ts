/** Why a prompt had to be read again from some token on, in a sentence. */
import type { MissBody } from '../../client/agent-bodies.js';
import type { MissCause } from '../../core/domain/cache-report.js';

const CAUSES: Record<MissCause, string> = {
  never_seen: 'nothing with this start had been read before',
  system_prompt: 'the system message differs',
  tools_changed: 'the tools differ',
  tool_order: 'the tools are the same in another order',
  edited_turn: 'a message of an earlier turn differs, or is gone',
  retokenized: 'the same text came in other tokens',
  template: 'the chat template rendered the same messages differently',
  evicted: 'its KV had to make room, and is not on disk',
  ttl: 'its time was over',
  other_fingerprint: 'its KV is of another model, tokenizer, template or format',
  window: 'a windowed layer had forgotten what the place needs',
  damaged: 'its KV on disk failed its checksum and was put aside',
  not_kept: 'the earlier request left no KV behind (cache_prompt false, or persist none)',
};

export function explainMiss({ cause, token, before, was, now }: MissBody): string {
  const reason = `Read again from token ${token} on: ${CAUSES[cause]}.`;
  if (cause === 'never_seen') return reason;
  if (was === now) return before === '' ? reason : `${reason} The place is after ${quoted(before)}.`;
  return `${reason} ${before === '' ? 'There' : `After ${quoted(before)} there`} was ${quoted(was)}, now there is ${quoted(now)}.`;
}

function quoted(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text);
}
