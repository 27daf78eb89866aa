/** The model, the disk it is on, and the daemon's socket. */
import { mkdir, statfs } from 'node:fs/promises';
import { installedModels, locateModel } from '../../adapters/hub/locate-model.js';
import { dataDirectory, socketPath } from '../../adapters/paths/paths.js';
import type { Config } from '../../adapters/config/schema.js';
import { SemanticError } from '../../core/domain/errors.js';
import { type Check, missing, note, ok } from './check.js';

/** Room for the starter model and its download. */
const WANTED_BYTES = 200_000_000;

export function checkModel(settings: Config): Check {
  try {
    const { id, path } = locateModel(settings.model.default);
    return ok('model', `${id}: ${path}`);
  } catch (error) {
    if (!(error instanceof SemanticError)) throw error;
    return missing('model', error.message, error.hint ?? 'Run: semantic models ls');
  }
}

export async function checkDisk(): Promise<Check> {
  const directory = dataDirectory();
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  const detail = `${Math.round(free / 1e6)} MB free in ${directory}`;
  if (free >= WANTED_BYTES || installedModels().length > 0) return ok('disk', detail);
  return missing('disk', detail, 'Free some space, or set SEMANTIC_HOME to a folder on a larger disk.');
}

export async function checkDaemon(settings: Config): Promise<Check> {
  const { DaemonClient } = await import('../../client/daemon-client.js');
  const socket = socketPath(settings.server.socket);
  const client = await DaemonClient.connect(socket, settings.client.connect_timeout_ms);
  if (client === null) return note('daemon', `none answers on ${socket}; commands use the engine in their own process`);
  await client.close();
  return ok('daemon', `serves ${client.model.id} on ${socket}`);
}
