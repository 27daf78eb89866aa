import { z } from 'zod';
import { messageBatchesQuery, messageBatchSchema } from '../../batches/message-batches.js';
import { batchSchema } from '../../batches/openai-batches.js';
import { pageQuery } from '../../batches/page-query.js';
import type { Operation } from '../operation.js';

const count = z.int().min(0);
const listOf = (entry: z.ZodType) => z.looseObject({ data: z.array(entry), has_more: z.boolean() });

const messageBatch = z.looseObject({
  id: z.string(),
  type: z.literal('message_batch'),
  processing_status: z.enum(['in_progress', 'canceling', 'ended']),
  request_counts: z.object({ processing: count, succeeded: count, errored: count, canceled: count, expired: count }),
  results_url: z.string().nullable(),
});
const batch = z.looseObject({
  id: z.string(),
  object: z.literal('batch'),
  status: z.enum(['failed', 'in_progress', 'completed', 'expired', 'cancelling', 'cancelled']),
  request_counts: z.object({ total: count, completed: count, failed: count }),
});
const file = z.looseObject({ id: z.string(), object: z.literal('file'), bytes: count, filename: z.string(), purpose: z.string() });
const removed = z.looseObject({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) });

const ofMessages = { tag: 'Messages', errors: 'messages' } as const;
const MESSAGES = '/v1/messages/batches';
const tag = 'Batches';

/** The vendors' batches. */
export const batchOperations: readonly Operation[] = [
  {
    method: 'post',
    url: MESSAGES,
    ...ofMessages,
    summary: 'Has many messages answered later.',
    body: messageBatchSchema,
    answer: messageBatch,
  },
  { method: 'get', url: MESSAGES, ...ofMessages, summary: 'Lists batches.', query: messageBatchesQuery, answer: listOf(messageBatch) },
  { method: 'get', url: `${MESSAGES}/:id`, ...ofMessages, summary: 'Shows a batch.', answer: messageBatch },
  { method: 'post', url: `${MESSAGES}/:id/cancel`, ...ofMessages, summary: 'Ends a batch.', answer: messageBatch },
  {
    method: 'get',
    url: `${MESSAGES}/:id/results`,
    ...ofMessages,
    summary: 'Gives the results of a batch, one in each line.',
    answer: null,
  },
  { method: 'post', url: '/v1/files', tag, summary: 'Takes a file of requests.', body: null, answer: file },
  { method: 'get', url: '/v1/files', tag, summary: 'Lists files of requests.', query: pageQuery, answer: listOf(file) },
  { method: 'get', url: '/v1/files/:id', tag, summary: 'Shows a file.', answer: file },
  { method: 'get', url: '/v1/files/:id/content', tag, summary: 'Gives what is in a file.', answer: null },
  { method: 'delete', url: '/v1/files/:id', tag, summary: 'Removes a file of requests.', answer: removed },
  { method: 'post', url: '/v1/batches', tag, summary: 'Has the requests of a file answered.', body: batchSchema, answer: batch },
  { method: 'get', url: '/v1/batches', tag, summary: 'Lists batches.', query: pageQuery, answer: listOf(batch) },
  { method: 'get', url: '/v1/batches/:id', tag, summary: 'Shows a batch.', answer: batch },
  { method: 'post', url: '/v1/batches/:id/cancel', tag, summary: 'Ends a batch.', answer: batch },
];
