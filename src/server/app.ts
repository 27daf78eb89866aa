/** The Fastify application: body rules, errors, request ids, one plugin per dialect. It listens nowhere by itself. */
import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { ProcessBody } from '../client/process-bodies.js';
import type { Config } from '../adapters/config/schema.js';
import type { RecordStore } from '../adapters/records/record-store.js';
import type { Traces } from '../adapters/traces/traces.js';
import type { Persist } from '../core/domain/agent.js';
import { SemanticError } from '../core/domain/errors.js';
import type { AgentService, CacheService } from '../core/engine/agent-service.js';
import type { ThinkingSeal } from '../core/answers/thinking-seal.js';
import { residency } from './admin/residency-routes.js';
import { type AdminSource, admin } from './admin/routes.js';
import { agentRoutes } from './agents/routes.js';
import { auditRoutes } from './audit/audit-routes.js';
import type { AuditSource } from './audit/request-audit.js';
import { files } from './batches/files.js';
import { messageBatches } from './batches/message-batches.js';
import { batches } from './batches/openai-batches.js';
import { cacheRoutes } from './cache/routes.js';
import { chatCompletions } from './chat-completions/route.js';
import { completions } from './completions/route.js';
import { type DoorRules, guardDoors } from './doors/guard.js';
import { type EmbeddingOptions, embeddings } from './embeddings/route.js';
import { replyWithError } from './error-reply.js';
import type { StreamLimits } from './event-stream.js';
import { tellGenerations } from './generation/tell-generations.js';
import type { SamplingDefaults } from './generation/to-generation.js';
import { followRequest, followRequests } from './follow-requests.js';
import { health, type HealthSource } from './health.js';
import { parseJsonBodies } from './json-body.js';
import type { JobRouteOptions } from './jobs/route-options.js';
import { jobRoutes } from './jobs/routes.js';
import { libraryRoutes, type ResidentModelUse } from './library/routes.js';
import { replyWithMessagesError } from './messages/errors.js';
import { probes } from './messages/probes.js';
import { messages } from './messages/route.js';
import { speaksMessages } from './messages/speaks-messages.js';
import { metrics, type MetricsSource } from './metrics.js';
import { models } from './models.js';
import { openapi } from './openapi/route.js';
import type { Recorder } from './recording/recorder.js';
import { recordingRoutes } from './recording/routes.js';
import { tapRequests } from './recording/tap-requests.js';
import { responses } from './responses/route.js';
import type { ModelResidency } from '../core/residency/model-residency.js';

export interface AppOptions extends EmbeddingOptions, JobRouteOptions {
  readonly models: ModelResidency;
  readonly seal: ThinkingSeal;
  readonly agents: AgentService;
  /** Stored ones of the Responses API. */
  readonly responses: RecordStore;
  readonly cache: CacheService;
  readonly logger: FastifyBaseLogger;
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  readonly doors: DoorRules;
  readonly version: string;
  readonly stream: StreamLimits;
  readonly sampling: SamplingDefaults;
  readonly persist: Persist;
  readonly health: HealthSource;
  readonly admin: AdminSource;
  readonly audit: AuditSource;
  readonly recorder: Recorder;
  readonly metrics: MetricsSource;
  readonly traces: Traces;
  /** Metrics need no key. */
  readonly metricsOpen: boolean;
  /** Which daemon this is. */
  process(): ProcessBody;
  /** Where models are fetched from. */
  readonly hub: Config['hub'];
  /** Of the process when it began: it has the token for the hub. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The models in memory, and when they were used. */
  resident(): readonly ResidentModelUse[];
}

export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: options.logger,
    requestIdHeader: false,
    genReqId: () => `req_${randomUUID().replaceAll('-', '')}`,
    logController: new LogController({ disableRequestLogging: true }),
    // What Node takes of a request's head: an id that is too long is told so by us, not as a path that is not there.
    routerOptions: { maxParamLength: options.maxHeaderBytes },
    frameworkErrors: (error, request, reply) => {
      followRequest(request, reply, options.traces); // no hook has seen it
      replyInDialect(error, request, reply);
    },
  });
  parseJsonBodies(app, options.maxBodyBytes);
  followRequests(app, options.traces);
  guardDoors(app, options.doors);
  tapRequests(app, options.recorder);
  tellGenerations(app);
  app.setErrorHandler(replyInDialect);
  app.setNotFoundHandler((request, reply) => {
    replyInDialect(new SemanticError('RouteNotFound', `there is no ${request.method} ${request.url.split('?')[0]}`), request, reply);
  });
  openapi(app, options.version);
  auditRoutes(app, options.audit);
  health(app, options.health);
  metrics(app, options.metrics, options.metricsOpen);
  models(app, options.models);
  chatCompletions(app, options);
  completions(app, options);
  embeddings(app, options);
  messages(app, options);
  responses(app, options);
  probes(app);
  agentRoutes(app, options);
  cacheRoutes(app, options);
  app.get('/v1/admin/process', () => options.process());
  admin(app, options.admin);
  recordingRoutes(app, options.recorder);
  residency(app, options.models, options.stream);
  libraryRoutes(app, options);
  jobRoutes(app, options);
  messageBatches(app, options);
  files(app, options);
  batches(app, options);
  await app.ready();
  return app;
}

/** What no plugin answers for. */
function replyInDialect(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  (speaksMessages(request) ? replyWithMessagesError : replyWithError)(error, request, reply);
}
