/** /v1/admin: what the daemon is doing, for `semantic top`, `semantic doctor`, tests and monitors. */
import type { FastifyInstance } from 'fastify';
import type { Reloaded } from '../../client/config-bodies.js';
import type { SchedulerBody } from '../../client/scheduler-bodies.js';
import type { Engine } from '../../core/engine/engine.js';
import type { SchedulerLimits } from '../../core/engine/scheduler-limits.js';
import { callerOf } from '../caller.js';
import { toLimits } from './to-limits.js';
import { schedulerBody } from './scheduler-body.js';
import type { DaemonStatus } from './status.js';

export interface AdminSource {
  status(): DaemonStatus;
  /** Of the current model. Throws ModelUnavailable while there is none. */
  engine(): Engine;
  /** Reads the settings again. Throws ConfigInvalid. */
  reload(): Reloaded;
  /** Of all models. Throws InvalidRequest. */
  setLimits(change: Partial<SchedulerLimits>): void;
}

export function admin(app: FastifyInstance, source: AdminSource): void {
  app.get('/v1/admin/status', () => source.status());
  app.post('/v1/admin/config/reload', () => source.reload());
  app.get('/v1/admin/scheduler', (request): SchedulerBody => schedulerBody(source.engine().scheduling(), callerOf(request)));
  app.patch('/v1/admin/scheduler', (request): SchedulerBody => {
    const engine = source.engine();
    source.setLimits(toLimits(request.body));
    return schedulerBody(engine.scheduling(), callerOf(request));
  });
}
