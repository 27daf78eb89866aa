/** A daemon in the background, and what it takes to start it again as it was. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../adapters/files/replace-file.js';
import { detachedFile, serveLogFile } from '../../adapters/paths/paths.js';
import type { DaemonSummary } from '../../server/daemon.js';

const schema = z.object({ args: z.array(z.string()), cwd: z.string() });
/** Arguments of `semantic serve`, and where it was called. */
export type Start = z.output<typeof schema>;

/** Resolves when it is ready. Throws what kept it from that. `configured` is log.file. */
export async function startDetached(
  { args, cwd }: Start,
  configured: string,
): Promise<{ readonly summary: DaemonSummary; readonly log: string }> {
  const log = serveLogFile(configured);
  const cancelled = new AbortController();
  const cancel = (): void => cancelled.abort();
  process.once('SIGINT', cancel);
  const options = { log: resolve(cwd, log), keepsLog: true, cwd, environment: { SEMANTIC_LOG_FILE: log } };
  const { spawnDaemon } = await import('../../client/spawn-daemon.js');
  const daemon = await spawnDaemon(args, options, cancelled.signal);
  process.off('SIGINT', cancel);
  await replaceFile(detachedFile(), 'background daemon', () => JSON.stringify({ args, cwd }));
  daemon.leave();
  return { summary: daemon.summary as DaemonSummary, log }; // all of it, as `serve` of the same build writes it
}

/** Null where none was started that way. */
export function lastStart(): Start | null {
  if (!existsSync(detachedFile())) return null;
  const parsed = schema.safeParse(JSON.parse(readFileSync(detachedFile(), 'utf8')));
  return parsed.success ? parsed.data : null;
}
