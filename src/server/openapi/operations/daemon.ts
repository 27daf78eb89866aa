import { z } from 'zod';
import { blockSchema, chainSchema, evictedSchema, overviewSchema } from '../../../client/cache-bodies.js';
import { aliasListSchema, aliasSchema, modelDetailSchema, modelListSchema, removedModelSchema } from '../../../client/model-bodies.js';
import { reloadSchema } from '../../../client/config-bodies.js';
import { limitsChangeSchema, schedulerSchema } from '../../../client/scheduler-bodies.js';
import {
  modelRequestSchema,
  pinRequestSchema,
  residentListSchema,
  residentSchema,
  swapListSchema,
  swapRequestSchema,
  swapSchema,
} from '../../../client/residency-bodies.js';
import { newRecordingSchema, recordingSchema } from '../../../client/recording-bodies.js';
import { processSchema } from '../../../client/process-bodies.js';
import { statusSchema } from '../../../client/status-bodies.js';
import { evictSchema } from '../../cache/schema.js';
import { newAliasSchema, pullSchema, removeModelQuery } from '../../library/schema.js';
import type { Operation } from '../operation.js';

const health = z.looseObject({ status: z.string() });

/** The daemon itself: its cache, its scheduler, its health. */
export const daemonOperations: readonly Operation[] = [
  { method: 'get', url: '/v1/cache', tag: 'Cache', summary: 'Says what KV there is.', answer: overviewSchema },
  { method: 'get', url: '/v1/cache/agents/:id', tag: 'Cache', summary: 'Shows the blocks of an agent.', answer: chainSchema },
  { method: 'get', url: '/v1/cache/blocks/:hash', tag: 'Cache', summary: 'Shows a block.', answer: blockSchema },
  { method: 'post', url: '/v1/cache/evict', tag: 'Cache', summary: 'Lets go of KV in memory.', body: evictSchema, answer: evictedSchema },
  { method: 'post', url: '/v1/cache/verify', tag: 'Cache', summary: 'Reads and checks all stored KV.', streams: 'always' },
  {
    method: 'get',
    url: '/v1/admin/process',
    tag: 'Admin',
    summary: 'Says which daemon this is, also without a model.',
    answer: processSchema,
  },
  { method: 'post', url: '/v1/admin/config/reload', tag: 'Admin', summary: 'Reads the settings again.', answer: reloadSchema },
  { method: 'get', url: '/v1/admin/status', tag: 'Admin', summary: 'Says what the daemon is doing.', answer: statusSchema },
  { method: 'get', url: '/v1/admin/scheduler', tag: 'Admin', summary: 'Shows what waits and runs.', answer: schedulerSchema },
  {
    method: 'patch',
    url: '/v1/admin/scheduler',
    tag: 'Admin',
    summary: 'Changes limits.',
    body: limitsChangeSchema,
    answer: schedulerSchema,
  },
  { method: 'get', url: '/v1/admin/recording', tag: 'Admin', summary: 'Says what is recorded.', answer: recordingSchema },
  {
    method: 'post',
    url: '/v1/admin/recording',
    tag: 'Admin',
    summary: 'Records requests and answers; over the Unix socket only.',
    body: newRecordingSchema,
    status: 201,
    answer: recordingSchema,
  },
  { method: 'delete', url: '/v1/admin/recording', tag: 'Admin', summary: 'Ends the recording.', answer: recordingSchema },
  { method: 'get', url: '/v1/admin/models', tag: 'Models', summary: 'Lists the models on this machine.', answer: modelListSchema },
  { method: 'get', url: '/v1/admin/models/:id', tag: 'Models', summary: 'Shows a model.', answer: modelDetailSchema },
  {
    method: 'delete',
    url: '/v1/admin/models/:id',
    tag: 'Models',
    summary: 'Removes a model from this machine.',
    query: removeModelQuery,
    answer: removedModelSchema,
  },
  {
    method: 'post',
    url: '/v1/admin/models/:id/verify',
    tag: 'Models',
    summary: 'Reads and checks the files of a model.',
    streams: 'always',
  },
  {
    method: 'post',
    url: '/v1/admin/models/pull',
    tag: 'Models',
    summary: 'Fetches a model.',
    body: pullSchema,
    streams: 'always',
  },
  { method: 'get', url: '/v1/admin/aliases', tag: 'Models', summary: 'Lists the aliases.', answer: aliasListSchema },
  {
    method: 'post',
    url: '/v1/admin/aliases',
    tag: 'Models',
    summary: 'Gives a model another name.',
    body: newAliasSchema,
    status: 201,
    answer: aliasSchema,
  },
  { method: 'delete', url: '/v1/admin/aliases/:name', tag: 'Models', summary: 'Removes an alias.', answer: aliasSchema },
  {
    method: 'get',
    url: '/v1/admin/models/resident',
    tag: 'Admin',
    summary: 'Lists the models in memory.',
    answer: residentListSchema,
  },
  {
    method: 'post',
    url: '/v1/admin/models/load',
    tag: 'Admin',
    summary: 'Brings a model into memory.',
    body: modelRequestSchema,
    answer: residentSchema,
  },
  {
    method: 'post',
    url: '/v1/admin/models/unload',
    tag: 'Admin',
    summary: 'Takes a model out of memory.',
    body: modelRequestSchema,
    answer: residentListSchema,
  },
  {
    method: 'post',
    url: '/v1/admin/models/pin',
    tag: 'Admin',
    summary: 'Keeps a model in memory, or lets it make way again.',
    body: pinRequestSchema,
    answer: residentSchema,
  },
  {
    method: 'post',
    url: '/v1/admin/models/swap',
    tag: 'Admin',
    summary: 'Exchanges the current model for another one.',
    body: swapRequestSchema,
    status: 202,
    answer: swapSchema,
    streams: 'asked',
  },
  { method: 'get', url: '/v1/admin/models/swap', tag: 'Admin', summary: 'Lists the last exchanges.', answer: swapListSchema },
  { method: 'get', url: '/v1/admin/models/swap/:id', tag: 'Admin', summary: 'Shows an exchange.', answer: swapSchema },
  { method: 'get', url: '/health/live', tag: 'Health', summary: 'The process answers.', answer: health },
  { method: 'get', url: '/health/startup', tag: 'Health', summary: 'The model is loaded.', answer: health, also: [503] },
  { method: 'get', url: '/health/ready', tag: 'Health', summary: 'Requests are taken in.', answer: health, also: [503] },
  { method: 'get', url: '/metrics', tag: 'Health', summary: 'A page for Prometheus.' },
  { method: 'get', url: '/openapi.json', tag: 'Documents', summary: 'This document.', answer: z.looseObject({ openapi: z.string() }) },
  { method: 'get', url: '/docs', tag: 'Documents', summary: 'This document as a page.' },
];
