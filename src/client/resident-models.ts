import { existsSync } from 'node:fs';
import { SemanticError } from '../core/domain/errors.js';
import { modelListSchema } from './model-bodies.js';
import type { ResidentUse } from './to-model-body.js';

/** What the daemon on `socket` has in memory, by id; nothing where none answers. */
export async function residentModels(socket: string, connectTimeoutMs: number): Promise<ReadonlyMap<string, ResidentUse>> {
  if (!existsSync(socket)) return new Map();
  const { DaemonHttp } = await import('./daemon-http.js'); // only where there is one to ask: it takes long to load
  const http = new DaemonHttp(socket, connectTimeoutMs);
  try {
    const { data } = await http.json({ method: 'GET', path: '/v1/admin/models' }, modelListSchema);
    const resident = data.filter(({ state }) => state === 'resident');
    return new Map(resident.map(({ id, fingerprint, used_at }) => [id, { fingerprint, usedAt: used_at }]));
  } catch (error) {
    if (error instanceof SemanticError && error.code === 'DaemonUnreachable') return new Map();
    throw error;
  } finally {
    await http.close();
  }
}
