/** POST /v1/messages and /v1/messages/count_tokens. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { ConversationEvent } from '../../core/answers/answerer.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import type { Persist } from '../../core/domain/agent.js';
import { SemanticError } from '../../core/domain/errors.js';
import { replyWithAnswer } from '../answering/reply-with-answer.js';
import { callerOf } from '../caller.js';
import type { Frame, StreamLimits } from '../event-stream.js';
import { asServed } from '../generation/as-served.js';
import type { SamplingDefaults } from '../generation/to-generation.js';
import { agentHint } from '../identity/agent-hint.js';
import { parseConversation } from '../request-body.js';
import type { ServedModels } from '../served-models.js';
import { whenGone } from '../when-gone.js';
import { contentOf, messageBody, type MessageHead } from './bodies.js';
import { messagesErrorBody } from './errors.js';
import { messagesScope } from './messages-scope.js';
import { countTokensSchema, messagesSchema } from './schema.js';
import { MessageStream } from './stream-events.js';
import { type ThinkingDisplay, thinkingDisplay } from './thinking-display.js';
import { toPrompt } from './to-conversation.js';
import { toMessagesRequest } from './to-request.js';

export interface MessagesOptions {
  readonly models: ServedModels;
  readonly seal: ThinkingSeal;
  readonly sampling: SamplingDefaults;
  readonly persist: Persist;
  readonly stream: StreamLimits;
}

export function messages(app: FastifyInstance, options: MessagesOptions): void {
  messagesScope(app, (scoped) => routes(scoped, options));
}

function routes(app: FastifyInstance, options: MessagesOptions): void {
  const { models, seal, stream: limits } = options;
  app.post('/v1/messages', async (request, reply) => {
    const body = await parseConversation(messagesSchema, request.body);
    const { name, answerer } = await models.acquire(body.model, whenGone(reply, null), request.trace);
    const wanted = toMessagesRequest(body, request.headers, { ...options, scope: callerOf(request).scope });
    const head: MessageHead = { id: `msg_${randomBytes(12).toString('hex')}`, model: name };
    const answering = answerer.answer(asServed(wanted.request, request, name), { signal: whenGone(reply, wanted.timeoutMs), newCallId });
    const display = thinkingDisplay(seal, body.thinking?.display);
    const form = {
      body: (events: AsyncIterable<ConversationEvent>) => whole(head, body.max_tokens, events, display),
      stream: wanted.stream ? streamed(head, body.max_tokens, display, request.id) : null,
    };
    return replyWithAnswer(answering, form, { limits }, request, reply);
  });
  app.post('/v1/messages/count_tokens', async (request, reply) => {
    const body = await parseConversation(countTokensSchema, request.body);
    const { answerer } = await models.acquire(body.model, whenGone(reply, null), request.trace);
    const { scope } = callerOf(request);
    const asker = { scope, ...agentHint(request.headers, { metadata: body['metadata'] }, scope) };
    return { input_tokens: await answerer.countTokens(toPrompt(body, seal), asker) };
  });
}

function newCallId(): string {
  return `toolu_${randomBytes(12).toString('hex')}`;
}

async function whole(
  head: MessageHead,
  maxTokens: number,
  events: AsyncIterable<ConversationEvent>,
  display: ThinkingDisplay,
): Promise<object> {
  for await (const event of events) {
    if (event.type === 'finished') return messageBody(head, contentOf(event.answer, display), event.usage, { ...event, maxTokens });
  }
  throw new SemanticError('Internal', 'the engine ended an answer without finishing it');
}

function streamed(
  head: MessageHead,
  maxTokens: number,
  display: ThinkingDisplay,
  requestId: string,
): {
  frames(events: AsyncIterable<ConversationEvent>): AsyncIterable<Frame>;
  error(error: SemanticError): Iterable<Frame>;
  keepAlive(): Frame;
} {
  const frame = (data: { readonly type: string }): Frame => ({ data: JSON.stringify(data), event: data.type });
  return {
    async *frames(events) {
      const stream = new MessageStream(head, display, maxTokens);
      for await (const event of events) for (const data of stream.take(event)) yield frame(data);
    },
    error: (error) => [frame(messagesErrorBody(error, requestId) as { type: string })],
    keepAlive: () => frame({ type: 'ping' }),
  };
}
