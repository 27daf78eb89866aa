import type { FastifyInstance } from 'fastify';

/** `swapping`: a model is on its way, and requests wait for it; `empty`: none is in memory, and none comes by itself. */
export type DaemonState = 'ready' | 'swapping' | 'empty' | 'stopping';

export interface HealthSource {
  state(): DaemonState;
  /** Null = there is no audit log. */
  audit(): 'ready' | 'suspended' | null;
}

/** live: the process answers. startup: the model is loaded. ready: new requests are admitted. A word each, so nobody needs a key. */
export function health(app: FastifyInstance, source: HealthSource): void {
  app.get('/health/live', { config: { open: true, unlimited: true } }, () => ({ status: 'ok' }));
  // Until then the doors answer for themselves: doors/starting.ts.
  app.get('/health/startup', { config: { open: true, unlimited: true } }, () => ({ status: 'ok' }));
  app.get('/health/ready', { config: { open: true, unlimited: true } }, (_request, reply) => {
    const state = source.state();
    return reply
      .code(state === 'ready' ? 200 : 503)
      .send({ status: state, ...(source.audit() === 'suspended' ? { audit: 'suspended' } : {}) });
  });
}
