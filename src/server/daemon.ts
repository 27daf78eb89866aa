/** The daemon: an engine behind two doors, and the order in which it all starts and stops. */
import { setTimeout as sleep } from 'node:timers/promises';
import pino, { type Logger } from 'pino';
import type { Config } from '../adapters/config/schema.js';
import { libraryHere } from '../adapters/hub/model-library.js';
import { ModelUse } from '../adapters/hub/model-use.js';
import { KeyRing } from '../adapters/keys/key-ring.js';
import { dataDirectory, keysFile, socketPath } from '../adapters/paths/paths.js';
import { sealSecret } from '../adapters/secrets/seal-secret.js';
import { ThinkingSeal } from '../core/answers/thinking-seal.js';
import { createApp } from './app.js';
import { assertMayListen } from './doors/assert-may-listen.js';
import { ConnectionLimit } from './doors/connection-limit.js';
import { type Listeners, listen } from './listeners.js';
import { type OpenedEngine, openEngine } from './open-engine.js';
import { openCalls, openResponses } from './open-records.js';
import { openStore } from './open-store.js';
import { namesHere } from './served-models.js';
import { prepareSocket } from './unix-socket.js';

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
}

export async function startDaemon(settings: Config, version: string): Promise<Daemon> {
  const { server } = settings;
  const socket = socketPath(server.socket);
  const logger = pino({ level: settings.log.level }, pino.destination(process.stderr.fd));
  const keys = new KeyRing(keysFile(), (error) => logger.error({ err: error }, 'no API key is valid: their file cannot be read'));
  // Before the model is loaded: who may not start is told at once.
  assertMayListen({ host: server.host, allowRemote: server.allow_remote, requireKeys: server.require_keys, keysOnFile: keys.size });
  await prepareSocket(socket);
  const use = new ModelUse(libraryHere().use);
  const opened = await openEngine(settings, {
    openStore: (checksumFile) => openStore(settings.store, checksumFile, logger),
    openNames: (resident) =>
      namesHere(settings.model.aliases, resident, (error) =>
        logger.error({ err: error }, 'there are no aliases of models: their file cannot be read'),
      ),
    calls: await openCalls(settings, logger),
    use,
    log: (message) => logger.warn(message),
  });
  try {
    return await serve(opened, settings, { socket, version, logger, keys, use });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

interface ServeOptions {
  readonly socket: string;
  readonly version: string;
  readonly logger: Logger;
  readonly keys: KeyRing;
  readonly use: ModelUse;
}

async function serve(opened: OpenedEngine, settings: Config, { socket, version, logger, keys, use }: ServeOptions): Promise<Daemon> {
  const { server, sampling } = settings;
  const first = opened.engine.model;
  const startedAt = Date.now();
  let isStopping = false;
  let listeners: Listeners | null = null;
  const connections = new ConnectionLimit(server.max_connections);
  const app = await createApp({
    version,
    models: opened.models,
    seal: new ThinkingSeal(await sealSecret(dataDirectory())),
    agents: opened.agents,
    responses: await openResponses(settings.responses, logger),
    cache: opened.cache,
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
      connections,
    },
    stream: { keepAliveSeconds: server.keep_alive_seconds, slowReaderSeconds: server.slow_reader_seconds },
    sampling,
    persist: settings.cache.persist,
    health: { state: () => (isStopping ? 'stopping' : opened.models.state) },
    hub: settings.hub,
    resident: () =>
      opened.models.list().map(({ name, model }) => ({
        id: name,
        fingerprint: model.engine.model.fingerprint,
        usedAt: use.get(name)?.usedAt ?? null,
      })),
    admin: {
      engine: () => opened.engine,
      status: () => ({
        pid: process.pid,
        version,
        uptimeSeconds: (Date.now() - startedAt) / 1000,
        address: listeners?.address ?? '',
        socket,
        engine: opened.engine.status(), // ModelUnavailable while there is no model
        native: opened.stats(),
        memory: { budgetBytes: opened.memory.budgetBytes, residentBytes: process.memoryUsage.rss() },
        store: opened.store.status(),
      }),
    },
  });
  const doors = await listen(app, {
    host: server.host,
    port: server.port,
    socket,
    connections,
    maxHeaderBytes: server.max_header_bytes,
    headersTimeoutSeconds: server.headers_timeout_seconds,
    receiveTimeoutSeconds: server.receive_timeout_seconds,
  });
  listeners = doors;
  const model = { id: first.id, contextLength: first.contextLength, weightBytes: opened.weightBytes };
  return {
    summary: { model, backend: opened.backend, address: doors.address, socket, memory: opened.memory, pid: process.pid },
    async stop() {
      isStopping = true;
      opened.models.stopAdmitting();
      const deadline = Date.now() + server.shutdown_timeout_seconds * 1000;
      await within(deadline, opened.models.drain());
      const engineClosed = opened.close(); // what still runs is cancelled, and its client told
      await within(Math.max(deadline, Date.now() + CLOSE_GRACE_MS), doors.close());
      doors.destroy();
      await engineClosed;
      await app.close();
      await use.close();
    },
  };
}

/** For the last bytes of answers that were cut at the deadline. */
const CLOSE_GRACE_MS = 250;

/** Waits for `work`, but not past `deadline` (ms since 1970). */
async function within(deadline: number, work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const timeout = sleep(Math.max(0, deadline - Date.now()), undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([work, timeout]).finally(() => timer.abort());
}
