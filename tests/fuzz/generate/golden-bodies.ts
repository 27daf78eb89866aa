/** Bodies that are answered, by operation: what is changed at random begins here. Few tokens each; a token is a byte of the tiny models. */
import type { JsonSchema } from '../../../src/server/openapi/document.js';
import { recordedRequests } from '../../support/wire.js';

const messages = [{ role: 'user', content: 'Hi' }];
const model = 'alpha';
const parameters = {
  type: 'object',
  properties: { path: { type: 'string' } },
  required: ['path'],
  additionalProperties: false,
} satisfies JsonSchema;
const call = { id: 'call_1', type: 'function', function: { name: 'read', arguments: '{"path":"a"}' } };
const few = { max_tokens: 3 };
const sampling = {
  temperature: 0.9,
  top_p: 0.9,
  top_k: 5,
  min_p: 0.01,
  repetition_penalty: 1.1,
  frequency_penalty: 0.1,
  presence_penalty: 0.1,
  logit_bias: { 65: 3 },
  seed: 7,
  stop: ['zz'],
  stop_token_ids: [3],
  ignore_eos: true,
  priority: 'batch',
  timeout_ms: 20_000,
};
const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] };
const responseCall = { type: 'function_call', call_id: 'c1', name: 'read', arguments: '{"path":"a"}' };

const BODIES: Readonly<Record<string, readonly unknown[]>> = {
  'post /v1/chat/completions': [
    { model, messages, ...few },
    { model, messages, ...few, stream: true, stream_options: { include_usage: true } },
    { model, messages, ...few, ...sampling, n: 2, logprobs: true, top_logprobs: 2, session_id: 's1' },
    { model: 'beta', messages: [{ role: 'system', content: 'Be short.' }, ...messages], ...few, prompt_cache_key: 'k1' },
    { model, messages, ...few, tools: [{ type: 'function', function: { name: 'read', parameters } }], tool_choice: 'auto' },
    {
      model,
      messages: [
        ...messages,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: 'x' },
      ],
      ...few,
      tools: [{ type: 'function', function: { name: 'read', parameters, strict: true } }],
      tool_choice: 'required',
    },
    { model, messages, ...few, response_format: { type: 'json_object' } },
    { model, messages, ...few, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: parameters, strict: true } } },
    { model, messages, ...few, guided_regex: '[a-z]{2,4}(x|y)?' },
    { model, messages, ...few, guided_grammar: 'root ::= "a" b\nb ::= "b" | "c"' },
    { model, messages: [...messages, { role: 'assistant', content: 'So' }], ...few, continue_final_message: true, stream: true },
  ],
  'post /v1/completions': [
    { model, prompt: 'Once', ...few },
    { model, prompt: ['a', 'b'], ...few, ...sampling, n: 2, best_of: 2, logprobs: 2, echo: true },
    { model, prompt: [72, 105], ...few, stream: true, stream_options: { include_usage: true } },
    { model: 'beta', prompt: 'Once', ...few, guided_regex: 'a|b' },
  ],
  'post /v1/embeddings': [
    { model, input: 'a text' },
    { model, input: ['a', 'b'], encoding_format: 'base64', dimensions: 8 },
    { model, input: [[1, 2], [3]], truncate: true },
  ],
  'post /v1/messages': [
    { model, messages, ...few },
    { model, messages, ...few, stream: true, system: [{ type: 'text', text: 'Be short.', cache_control: { type: 'ephemeral' } }] },
    {
      model,
      messages: [
        ...messages,
        { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'read', input: { path: 'a' } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'x' }], is_error: true }] },
      ],
      ...few,
      tools: [{ name: 'read', description: 'Reads.', input_schema: parameters }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      metadata: { user_id: 'user_1_account__session_2' },
      thinking: { type: 'enabled', budget_tokens: 1_024 },
      stop_sequences: ['zz'],
      temperature: 0.5,
      top_k: 4,
    },
  ],
  'post /v1/messages/count_tokens': [{ model, messages, system: 'Be short.' }],
  'post /api/event_logging/batch': [{ events: [{ a: 1 }] }],
  'post /v1/responses': [
    { model, input: 'Hi', max_output_tokens: 3 },
    { model, input: [item], max_output_tokens: 3, stream: true, store: false, instructions: 'Be short.' },
    { model, input: 'Hi', max_output_tokens: 3, background: true, store: true, stream: true },
    { model, input: 'And?', max_output_tokens: 3, previous_response_id: 'ID' },
    {
      model,
      input: [
        item,
        responseCall,
        { type: 'function_call_output', call_id: 'c1', output: 'x' },
        { type: 'reasoning', summary: [{ text: 'so' }] },
      ],
      max_output_tokens: 3,
      tools: [
        { type: 'function', name: 'read', parameters, strict: true },
        { type: 'custom', name: 'free', format: { type: 'grammar', syntax: 'regex', definition: '[a-c]+' } },
        { type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'x', parameters }] },
      ],
      tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'read' }] },
      metadata: { a: 'b' },
      text: { format: { type: 'json_schema', name: 'x', schema: parameters } },
      include: ['reasoning.encrypted_content'],
      reasoning: { effort: 'low' },
      prompt_cache_key: 'k2',
    },
  ],
  'post /v1/responses/input_tokens': [{ model, input: 'Hi' }],
  'post /v1/agents': [
    {},
    { id: 'one' },
    { id: 'two', system: 'Be short.', messages, persist: 'ram', ttl_seconds: 60, pinned: true, max_tokens: 300 },
    { id: 'three', tools: [{ type: 'function', function: { name: 'read', parameters } }], persist: 'none' },
  ],
  'patch /v1/agents/{id}': [{ pinned: false }, { persist: 'disk', ttl_seconds: 5 }, { max_tokens: 100 }],
  'post /v1/agents/{id}/generate': [
    { input: 'Hi', ...few },
    { messages, ...few, stream: true, busy: 'fork' },
    { input: 'Hi', ...few, ...sampling, logprobs: true, busy: 'wait', model: 'beta' },
  ],
  'post /v1/agents/{id}/fork': [{}, { id: 'two', persist: 'ram' }],
  'post /v1/agents/{id}/rewind': [{ turns: 1 }, { messages: 0 }, {}],
  'post /v1/agents/{id}/pin': [{ pinned: false }, {}],
  'post /v1/cache/evict': [{ to: 'none' }, { to: 'disk', agent: 'one' }, { to: 'disk', dry_run: true }],
  'patch /v1/admin/scheduler': [
    { max_queue: 32 },
    { prefill_chunk_tokens: { min: 16, max: 128 }, batch_window_ms: 1, decode_share: 0.5, max_running_per_key: 2, reserve_tokens: 16 },
  ],
  'post /v1/admin/models/pull': [{ source: 'smollm2-135m-instruct' }, { source: 'hf:owner/name', name: 'pulled' }],
  'post /v1/admin/aliases': [{ name: 'other', model: 'beta' }],
  'post /v1/admin/models/load': [{ model: 'beta' }, { model: 'alpha' }, { model: 'smollm2-135m-instruct' }, { model: './x.gguf' }],
  'post /v1/admin/models/unload': [{ model: 'beta' }, { model: 'gamma' }],
  'post /v1/admin/models/pin': [{ model: 'alpha', pinned: false }, { model: 'beta' }],
  'post /v1/admin/models/swap': [
    { model: 'beta', drain_seconds: 1 },
    { model: 'alpha', stream: true },
    { model: 'gamma', drain_seconds: 0 },
    { model: '../models' },
  ],
};

/** What real clients sent: long, with many tools. Few of it fits into a tiny model, and all of it is read. */
const RECORDED: Readonly<Record<string, readonly unknown[]>> = Object.fromEntries(
  ['/v1/chat/completions', '/v1/messages', '/v1/responses'].map((path) => [
    `post ${path}`,
    recordedRequests(path).map(({ body }) => ({ ...body, model })),
  ]),
);

/** [] where none are known: the schema says what may be sent. */
export function goldenBodies(operation: string): readonly unknown[] {
  return BODIES[operation] ?? [];
}

export function recordedBodies(operation: string): readonly unknown[] {
  return RECORDED[operation] ?? [];
}
