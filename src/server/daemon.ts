/** The daemon: an engine behind two doors, and the order in which it all starts and stops. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../adapters/config/schema.js';
import { libraryHere } from '../adapters/hub/model-library.js';
import { DaemonMetrics } from '../adapters/metrics/daemon-metrics.js';
import { ModelUse } from '../adapters/hub/model-use.js';
import { KeyRing } from '../adapters/keys/key-ring.js';
import { dataDirectory, keysFile, socketPath } from '../adapters/paths/paths.js';
import { openTraces } from '../adapters/traces/open-traces.js';
import type { Traces } from '../adapters/traces/traces.js';
import { sealSecret } from '../adapters/secrets/seal-secret.js';
import { readTls } from '../adapters/tls/read-tls.js';
import type { Reloaded } from '../client/config-bodies.js';
import type { ProcessBody } from '../client/process-bodies.js';
import { ThinkingSeal } from '../core/answers/thinking-seal.js';
import type { SemanticError } from '../core/domain/errors.js';
import { createApp } from './app.js';
import { DaemonAudit, ofDaemon } from './audit/daemon-audit.js';
import { assertMayListen } from './doors/assert-may-listen.js';
import { ConnectionLimit } from './doors/connection-limit.js';
import { KeyRates } from './doors/key-rates.js';
import { answerWhileStarting, StartReport } from './doors/starting.js';
import { rateLimits } from './engine-limits.js';
import { type Listeners, listen } from './listeners.js';
import { type DaemonJobs, openJobs } from './jobs/open-jobs.js';
import { type OpenedEngine, openEngine } from './open-engine.js';
import { snapshotOf } from './metrics.js';
import { openLog } from './open-log.js';
import { openCalls, openResponses } from './open-records.js';
import { openStore } from './open-store.js';
import { openRecorder } from './recording/open-recorder.js';
import { reloader } from './reload-settings.js';
import { writeRefusal } from './request-line.js';
import { namesHere } from './served-models.js';
import { ServedTls } from './served-tls.js';

/** What the banner shows. */
export interface DaemonSummary {
  readonly model: { readonly id: string; readonly contextLength: number; readonly weightBytes: number };
  readonly backend: OpenedEngine['backend'];
  readonly address: string;
  readonly socket: string;
  readonly memory: OpenedEngine['memory'];
  readonly pid: number;
}

export interface Daemon {
  readonly summary: DaemonSummary;
  /** Refuses new requests with 503, lets running ones finish within server.shutdown_timeout_seconds, then closes everything. */
  stop(): Promise<void>;
  /** What still runs is ended now; all else of `stop` is as it is. */
  hurry(): void;
  /** Throws ConfigInvalid, and then nothing has changed. */
  reload(): Reloaded;
}

export interface DaemonStart {
  readonly version: string;
  /** Of the process when it began, secrets included. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Settings as they are now, for a reload. */
  readSettings(): Config;
}

export async function startDaemon(settings: Config, started: DaemonStart): Promise<Daemon> {
  const { server } = settings;
  const logger = await openLog(settings.log);
  const keys = new KeyRing(keysFile(), (error) => logger.error({ err: error }, 'no API key is valid: their file cannot be read'));
  // Before the model is loaded: who may not start is told at once.
  assertMayListen({ host: server.host, allowRemote: server.allow_remote, requireKeys: server.require_keys, keysOnFile: keys.size });
  const tls = readTls(server, Date.now());
  const { environment, version } = started;
  const traces = await openTraces(settings.traces, { environment, version, log: (message) => logger.warn(message) });
  const start = new StartReport(version);
  const connections = new ConnectionLimit(server.max_connections);
  const audit = new DaemonAudit(settings.audit, logger);
  const refused = (error: SemanticError, line: object): void => writeRefusal(logger, error, line);
  const doors = await listen(answerWhileStarting(start, refused), {
    host: server.host,
    port: server.port,
    socket: socketPath(server.socket),
    connections,
    tls,
    maxHeaderBytes: server.max_header_bytes,
    headersTimeoutSeconds: server.headers_timeout_seconds,
    receiveTimeoutSeconds: server.receive_timeout_seconds,
    refused,
  });
  const servedTls = new ServedTls(server, tls, { renew: (next) => doors.renew(next), warn: (text) => logger.warn(text) });
  process.once('exit', () => doors.destroy()); // whoever ends the process leaves no socket behind
  const use = new ModelUse(libraryHere().use);
  const jobs = openJobs(settings, logger);
  let opened: OpenedEngine | null = null;
  const startedAt = Date.now();
  const metrics = new DaemonMetrics(() => snapshotOf(opened!, (Date.now() - startedAt) / 1000, settings.metrics.agent_ids)); // nobody scrapes before it is opened
  try {
    opened = await openEngine(settings, {
      openStore: (checksumFile) => openStore(settings.store, checksumFile, logger),
      openNames: (resident) =>
        namesHere(settings.model.aliases, resident, (error) =>
          logger.error({ err: error }, 'there are no aliases of models: their file cannot be read'),
        ),
      calls: await openCalls(settings, logger),
      use,
      log: (message) => logger.warn(message),
      phase: (phase, loading) => start.enter(phase, loading),
      observerOf: (model) => traces.observe(metrics.observerOf(model), model),
      exchanged: (report, trace) => traces.exchanged(report, trace),
    });
    const given = { ...started, audit, doors, jobs, logger, keys, use, connections, metrics, traces, startedAt, servedTls };
    return await serve(opened, settings, given);
  } catch (error) {
    servedTls.close();
    doors.destroy();
    await opened?.close();
    await jobs.close();
    throw error;
  }
}

interface ServeOptions extends DaemonStart {
  readonly audit: DaemonAudit;
  readonly doors: Listeners;
  readonly jobs: DaemonJobs;
  readonly logger: Logger;
  readonly keys: KeyRing;
  readonly use: ModelUse;
  readonly connections: ConnectionLimit;
  readonly metrics: DaemonMetrics;
  readonly traces: Traces;
  readonly startedAt: number;
  readonly servedTls: ServedTls;
}

async function serve(opened: OpenedEngine, settings: Config, options: ServeOptions): Promise<Daemon> {
  const { audit, doors, jobs, version, logger, keys, use, connections, metrics, traces, startedAt, servedTls, environment } = options;
  const { address, socket } = doors;
  const { server, sampling } = settings;
  const first = opened.engine.model;
  let isStopping = false;
  const hurried = new AbortController();
  const rates = new KeyRates({ limits: rateLimits(settings), refused: () => metrics.refused('RateLimited') });
  const reload = reloader(settings, () => options.readSettings(), {
    setLimits: (change) => opened.setLimits(change),
    setLevel: (level) => (logger.level = level),
    setRates: (limits) => rates.setLimits(limits),
    prepareTls: (next) => servedTls.prepare(next),
  });
  const recorder = await openRecorder(settings, { version, backend: opened.backend, logger, engine: () => opened.engine });
  const app = await createApp({
    version,
    recorder,
    models: opened.models,
    seal: new ThinkingSeal(await sealSecret(dataDirectory())),
    agents: opened.agents,
    responses: await openResponses(settings.responses, logger),
    cache: opened.cache,
    jobs,
    embedders: opened.embedders,
    resolveModel: (wanted) => opened.models.nameOf(wanted),
    logger,
    maxBodyBytes: server.max_body_bytes,
    maxHeaderBytes: server.max_header_bytes,
    doors: {
      host: server.host,
      allowedHosts: server.allowed_hosts,
      corsOrigins: server.cors_origins,
      keysRequired: server.allow_remote || server.require_keys,
      keys,
      rates,
      connections,
      onWrongKey: (request) => audit.refused(request),
    },
    stream: { keepAliveSeconds: server.keep_alive_seconds, slowReaderSeconds: server.slow_reader_seconds },
    sampling,
    persist: settings.cache.persist,
    health: { state: () => (isStopping ? 'stopping' : opened.models.state), audit: () => audit.status()?.state ?? null },
    hub: settings.hub,
    environment,
    resident: () =>
      opened.models.list().map(({ name, model }) => ({
        id: name,
        fingerprint: model.engine.model.fingerprint,
        usedAt: use.get(name)?.usedAt ?? null,
      })),
    metrics,
    traces,
    metricsOpen: settings.metrics.open,
    process: (): ProcessBody => ({
      pid: process.pid,
      version,
      state: isStopping ? 'stopping' : opened.models.state,
      phase: null,
      uptimeSeconds: (Date.now() - startedAt) / 1000,
      address,
      socket,
      log: settings.log.file === '' ? null : resolve(settings.log.file),
      audit: audit.status(),
    }),
    audit,
    admin: {
      engine: () => opened.engine,
      setLimits: (change) => opened.setLimits(change),
      reload,
      status: () => ({
        pid: process.pid,
        version,
        uptimeSeconds: (Date.now() - startedAt) / 1000,
        address,
        socket,
        engine: opened.engine.status(), // ModelUnavailable while there is no model
        native: opened.stats(),
        memory: { budgetBytes: opened.memory.budgetBytes, residentBytes: process.memoryUsage.rss() },
        store: opened.store.status(),
      }),
    },
  });
  await audit.record(ofDaemon('daemon.start', `${version}, ${first.id} on ${address}`));
  doors.handTo((request, response) => app.routing(request, response));
  jobs.start(socket);
  const model = { id: first.id, contextLength: first.contextLength, weightBytes: opened.weightBytes };
  return {
    summary: { model, backend: opened.backend, address, socket, memory: opened.memory, pid: process.pid },
    async stop() {
      isStopping = true;
      jobs.stop();
      opened.models.stopAdmitting();
      const deadline = Date.now() + server.shutdown_timeout_seconds * 1000;
      await within(deadline, opened.models.drain(), hurried.signal);
      const engineClosed = opened.close(); // what still runs is cancelled, and its client told
      const closed = jobs.giveBack().then(() => doors.close());
      await within(Math.max(deadline, Date.now() + CLOSE_GRACE_MS), closed, hurried.signal);
      doors.destroy();
      await engineClosed;
      await jobs.close();
      await app.close();
      await recorder.close();
      const late = new AbortController();
      const sent = traces.close(late.signal);
      await within(Math.max(deadline, Date.now() + CLOSE_GRACE_MS), sent, hurried.signal);
      late.abort();
      await sent;
      metrics.close();
      servedTls.close();
      await use.close();
      await audit.close(ofDaemon('daemon.stop', null));
    },
    hurry: () => hurried.abort(),
    reload: () => audit.watchReload(reload),
  };
}

/** For the last bytes of answers that were cut at the deadline. */
const CLOSE_GRACE_MS = 250;

/** Waits for `work`, but not past `deadline` (ms since 1970), and where it is hurried only so long that what is being written gets out. */
async function within(deadline: number, work: Promise<void>, hurried: AbortSignal): Promise<void> {
  const over = new AbortController();
  const timeout = async (): Promise<void> => {
    const late = AbortSignal.any([over.signal, hurried]);
    await sleep(Math.max(0, deadline - Date.now()), undefined, { signal: late }).catch(() => undefined);
    if (hurried.aborted) await sleep(CLOSE_GRACE_MS, undefined, { signal: over.signal }).catch(() => undefined);
  };
  await Promise.race([work, timeout()]).finally(() => over.abort());
}
