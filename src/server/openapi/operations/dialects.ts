import { z } from 'zod';
import { chatCompletionSchema } from '../../chat-completions/schema.js';
import { completionSchema } from '../../completions/schema.js';
import { embeddingsSchema } from '../../embeddings/schema.js';
import { countTokensSchema, messagesSchema } from '../../messages/schema.js';
import { inputTokensSchema, responsesSchema } from '../../responses/schema.js';
import {
  chatCompletionAnswer,
  completionAnswer,
  embeddingsAnswer,
  inputTokensAnswer,
  messageAnswer,
  modelAnswer,
  modelsAnswer,
  responseAnswer,
} from '../answer-schemas.js';
import { errorSchema } from '../error-schemas.js';
import type { Operation } from '../operation.js';

const anything = z.looseObject({});

/** The vendors' APIs. */
export const dialects: readonly Operation[] = [
  {
    method: 'post',
    url: '/v1/chat/completions',
    tag: 'Chat Completions',
    summary: 'Answers a conversation.',
    body: chatCompletionSchema,
    answer: chatCompletionAnswer,
    streams: 'asked',
  },
  {
    method: 'post',
    url: '/v1/completions',
    tag: 'Completions',
    summary: 'Writes on from a text.',
    body: completionSchema,
    answer: completionAnswer,
    streams: 'asked',
  },
  {
    method: 'post',
    url: '/v1/embeddings',
    tag: 'Embeddings',
    summary: 'Turns texts into vectors.',
    body: embeddingsSchema,
    answer: embeddingsAnswer,
  },
  {
    method: 'post',
    url: '/v1/messages',
    tag: 'Messages',
    summary: 'Answers a conversation.',
    body: messagesSchema,
    answer: messageAnswer,
    streams: 'asked',
    errors: 'messages',
  },
  {
    method: 'post',
    url: '/v1/messages/count_tokens',
    tag: 'Messages',
    summary: 'Counts the tokens that the model would read.',
    body: countTokensSchema,
    answer: inputTokensAnswer,
    errors: 'messages',
  },
  { method: 'get', url: '/', tag: 'Messages', summary: 'Answers clients that look whether anybody is there.', answer: anything },
  { method: 'get', url: '/api/hello', tag: 'Messages', summary: 'Answers clients that say hello.', answer: anything },
  {
    method: 'post',
    url: '/api/event_logging/batch',
    tag: 'Messages',
    summary: 'Takes what clients report of themselves, and reads nothing of it.',
    body: anything,
    answer: anything,
  },
  {
    method: 'post',
    url: '/v1/responses',
    tag: 'Responses',
    summary: 'Answers a conversation of items.',
    body: responsesSchema,
    answer: responseAnswer,
    streams: 'asked',
  },
  {
    method: 'post',
    url: '/v1/responses/input_tokens',
    tag: 'Responses',
    summary: 'Counts the tokens that the model would read.',
    body: inputTokensSchema,
    answer: inputTokensAnswer,
  },
  {
    method: 'get',
    url: '/v1/responses',
    tag: 'Responses',
    summary: 'Tells clients that ask for a WebSocket that there is none.',
    status: 426,
    answer: errorSchema,
  },
  { method: 'get', url: '/v1/models', tag: 'Models', summary: 'Lists what is served.', answer: modelsAnswer },
  { method: 'get', url: '/v1/models/:id', tag: 'Models', summary: 'Shows a model, by its name or an alias.', answer: modelAnswer },
];
