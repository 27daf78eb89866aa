import { agentDetailSchema, agentListSchema, agentSchema, removedAgentSchema, turnsSchema } from '../../../client/agent-bodies.js';
import {
  createSchema,
  forkSchema,
  importQuerySchema,
  pinSchema,
  policySchema,
  removeQuerySchema,
  rewindSchema,
  turnSchema,
} from '../../agents/schema.js';
import { turnAnswer } from '../answer-schemas.js';
import type { Operation } from '../operation.js';

const tag = 'Agents';
const one = '/v1/agents/:id';

export const agentOperations: readonly Operation[] = [
  { method: 'get', url: '/v1/agents', tag, summary: 'Lists agents.', answer: agentListSchema },
  {
    method: 'post',
    url: '/v1/agents',
    tag,
    summary: 'Makes an agent.',
    body: createSchema,
    bodyIsOptional: true,
    status: 201,
    answer: agentSchema,
  },
  { method: 'get', url: one, tag, summary: 'Shows an agent.', answer: agentDetailSchema },
  { method: 'get', url: `${one}/turns`, tag, summary: 'Shows its turns one by one.', answer: turnsSchema },
  { method: 'patch', url: one, tag, summary: 'Changes how long its KV stays.', body: policySchema, answer: agentSchema },
  { method: 'delete', url: one, tag, summary: 'Removes an agent.', query: removeQuerySchema, answer: removedAgentSchema },
  { method: 'post', url: `${one}/generate`, tag, summary: 'Has its next turn.', body: turnSchema, answer: turnAnswer, streams: 'asked' },
  {
    method: 'post',
    url: `${one}/fork`,
    tag,
    summary: 'Makes a child that shares its KV.',
    body: forkSchema,
    bodyIsOptional: true,
    status: 201,
    answer: agentSchema,
  },
  { method: 'post', url: `${one}/rewind`, tag, summary: 'Goes back.', body: rewindSchema, bodyIsOptional: true, answer: agentSchema },
  { method: 'post', url: `${one}/pin`, tag, summary: 'Keeps its KV.', body: pinSchema, bodyIsOptional: true, answer: agentSchema },
  { method: 'post', url: `${one}/export`, tag, summary: 'Writes it as one file.', answer: null },
  {
    method: 'post',
    url: '/v1/agents/import',
    tag,
    summary: 'Reads what export wrote.',
    query: importQuerySchema,
    body: null,
    status: 201,
    answer: agentSchema,
  },
];
