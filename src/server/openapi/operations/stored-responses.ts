import { z } from 'zod';
import { itemsQuery, retrieveQuery } from '../../responses/stored-routes.js';
import { responseAnswer } from '../answer-schemas.js';
import type { Operation } from '../operation.js';

const tag = 'Responses';
const one = '/v1/responses/:id';
const removed = z.looseObject({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) });
const items = z.looseObject({ object: z.literal('list'), data: z.array(z.looseObject({ type: z.string() })), has_more: z.boolean() });

/** Responses that are kept. */
export const storedResponseOperations: readonly Operation[] = [
  { method: 'get', url: one, tag, summary: 'Shows a response.', query: retrieveQuery, answer: responseAnswer, streams: 'asked' },
  { method: 'delete', url: one, tag, summary: 'Removes a response.', answer: removed },
  { method: 'post', url: `${one}/cancel`, tag, summary: 'Ends one that is made in the background.', answer: responseAnswer },
  { method: 'get', url: `${one}/input_items`, tag, summary: 'Lists what it was an answer to.', query: itemsQuery, answer: items },
];
