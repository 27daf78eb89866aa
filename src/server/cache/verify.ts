/** POST /v1/cache/verify: reads every stored image; progress as it goes, then the report. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CacheService } from '../../core/engine/agent-service.js';
import type { StreamLimits } from '../event-stream.js';
import { streamReport } from '../stream-report.js';
import { verifyReportBody } from './bodies.js';

export function verify(cache: CacheService, request: FastifyRequest, reply: FastifyReply, limits: StreamLimits): Promise<FastifyReply> {
  return streamReport(request, reply, limits, async (onProgress) =>
    verifyReportBody(await cache.verify((done, total) => onProgress({ done, total }))),
  );
}
