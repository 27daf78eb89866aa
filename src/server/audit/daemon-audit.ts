/** The audit log of a daemon, or none where that is configured. */
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { AuditEvent } from '../../adapters/audit/audit-event.js';
import type { AuditLog, AuditStatus } from '../../adapters/audit/audit-log.js';
import { openAudit } from '../../adapters/audit/open-audit.js';
import { RefusedKeys } from '../../adapters/audit/refused-keys.js';
import type { Config } from '../../adapters/config/schema.js';
import type { Reloaded } from '../../client/config-bodies.js';
import { toSemanticError } from '../error-reply.js';
import { addressOf } from './actor-of.js';

export class DaemonAudit {
  readonly #log: AuditLog | null;
  readonly #refused: RefusedKeys;
  readonly #logger: Logger;

  constructor(settings: Config['audit'], logger: Logger) {
    this.#logger = logger;
    this.#log = openAudit(settings, (error) =>
      logger.error({ err: error }, 'the audit log cannot be written: events wait in memory until it can'),
    );
    this.#refused = new RefusedKeys((event) => void this.record(event));
  }

  /** Resolves when it is on disk, or has to wait. Never rejects. */
  async record(event: AuditEvent): Promise<void> {
    await this.#log?.record(event);
  }

  /** For a key that is not on file. */
  refused(request: FastifyRequest): void {
    const target = `${request.method} ${request.routeOptions.url ?? '(no such path)'}`;
    this.#refused.note({ actor: addressOf(request), target, request: request.id });
  }

  status(): AuditStatus | null {
    return this.#log?.status() ?? null;
  }

  /** A reload that nobody asked for over HTTP. */
  watchReload(reload: () => Reloaded): Reloaded {
    const event = { actor: 'signal', action: 'config.reload', target: null, request: null };
    try {
      const reloaded = reload();
      void this.record({ ...event, target: reloaded.applied.join(', '), outcome: 'ok' });
      return reloaded;
    } catch (error) {
      void this.record({ ...event, outcome: toSemanticError(error, null).code });
      throw error;
    }
  }

  async close(last: AuditEvent): Promise<void> {
    this.#refused.close();
    await this.record(last);
    await this.#log?.close();
    const { held = 0, lost = 0 } = this.status() ?? {};
    if (held + lost > 0) this.#logger.error({ events: held + lost }, 'the audit log could not be written: these events are in no file');
  }
}

export function ofDaemon(action: string, target: string | null): AuditEvent {
  return { actor: 'daemon', action, target, outcome: 'ok', request: null, detail: { pid: process.pid, uid: process.getuid?.() ?? -1 } };
}
