/** A ResponseStream as a request makes it, without an engine. */
import type { ConversationEvent, FinishedConversation } from '../../../src/core/answers/answerer.js';
import { responseHead } from '../../../src/server/responses/response-body.js';
import { responsesSchema } from '../../../src/server/responses/schema.js';
import { ResponseStream, type ResponseStreamOptions } from '../../../src/server/responses/stream-events.js';
import { OfferedTools } from '../../../src/server/responses/tools.js';

export const RESPONSE_ID = `resp_${'0f'.repeat(24)}`;

export const TOOLS = [
  { type: 'function', name: 'get_weather', parameters: { type: 'object', properties: { location: { type: 'string' } } }, strict: true },
  { type: 'custom', name: 'apply_patch', description: 'Edits files.' },
  { type: 'namespace', name: 'agents', description: '', tools: [{ type: 'function', name: 'get_weather' }] },
];

export function streamFor(body: object = {}, changed: Partial<ResponseStreamOptions> = {}): ResponseStream {
  const parsed = responsesSchema.parse({ input: 'hello', tools: TOOLS, ...body });
  const tools = new OfferedTools();
  tools.add(parsed.tools ?? [], 'tools');
  return new ResponseStream({
    head: responseHead({ id: RESPONSE_ID, createdAt: 1_795_228_411, model: 'm' }, parsed, { temperature: 1, top_p: 1 }),
    id: RESPONSE_ID,
    tools,
    isSummary: typeof parsed.reasoning?.summary === 'string',
    seal: null,
    logprobs: false,
    isQueued: false,
    now: () => 1_795_228_412_000,
    ...changed,
  });
}

export const FINISHED: FinishedConversation = {
  type: 'finished',
  reason: 'stop',
  stopString: null,
  usage: { promptTokens: 312, cachedTokens: 200, completionTokens: 9, thinkingTokens: 3 },
  answer: { text: '', thinking: '', calls: [] },
};

export function callEvents(name: string, pieces: readonly string[], index = 0): ConversationEvent[] {
  return [
    { type: 'call', index, id: `call_${index}`, name },
    ...pieces.map((json): ConversationEvent => ({ type: 'arguments', index, json })),
    { type: 'call_end', index },
  ];
}
