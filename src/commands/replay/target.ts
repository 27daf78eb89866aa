/** Where a replay is sent: to the daemon, to an address, or to a daemon that lives for it alone. */
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../adapters/config/schema.js';
import { aliasesFile, modelsDirectory, socketPath } from '../../adapters/paths/paths.js';
import type { Recording } from '../../adapters/recordings/read-recording.js';
import type { Place } from '../../client/replay/send.js';
import { SemanticError } from '../../core/domain/errors.js';

export interface TargetWish {
  /** `daemon`, `in-process` or an address. */
  readonly target: string;
  readonly settings: Config;
  readonly recording: Recording;
  /** Settings of flags, `section.key`; undefined = as recorded. */
  readonly engine: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

export interface Reached {
  readonly place: Place;
  /** "" = none. */
  readonly apiKey: string;
}

/** Throws InvalidRequest for a target that is none, and whatever keeps a daemon from starting. */
export async function withTarget<T>(wish: TargetWish, use: (target: Reached) => Promise<T>): Promise<T> {
  const { target, settings } = wish;
  if (target === 'daemon') return use({ place: { socket: socketPath(settings.server.socket) }, apiKey: '' });
  if (target === 'in-process') return withOwnDaemon(wish, use);
  if (/^https?:\/\/[^/\s]+\/?$/.test(target)) return use({ place: { url: target.replace(/\/$/, '') }, apiKey: settings.client.api_key });
  throw new SemanticError(
    'InvalidRequest',
    `--target: wanted daemon, in-process or an address such as http://127.0.0.1:8000, got ${JSON.stringify(target)}`,
    {
      param: 'target',
    },
  );
}

/** Its home has the models of this one and nothing else: no KV, no agents, no keys, no settings but those of the recording and of flags. */
async function withOwnDaemon<T>(
  { recording: { manifest }, settings, engine, signal }: TargetWish,
  use: (target: Reached) => Promise<T>,
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'semantic-replay-'));
  try {
    symlinkSync(modelsDirectory(), join(home, 'models'));
    if (existsSync(aliasesFile())) symlinkSync(aliasesFile(), join(home, 'aliases.json'));
    const recorded = manifest.model === null ? {} : { 'model.default': manifest.model.name, 'model.context': manifest.model.contextLength };
    const given = Object.fromEntries(Object.entries(engine).filter(([, value]) => value !== undefined));
    const wanted = Object.entries({ ...manifest.settings, ...recorded, ...given }).filter(([key]) => isSetting(settings, key));
    const environment = { SEMANTIC_HOME: home, SEMANTIC_SERVER_SOCKET: '', SEMANTIC_RECORDING_DIRECTORY: '', ...variables(wanted) };
    const log = join(home, 'serve.log');
    const { spawnDaemon } = await import('../../client/spawn-daemon.js');
    const daemon = await spawnDaemon(['--port', '0'], { log, keepsLog: false, cwd: home, environment }, signal);
    try {
      return await use({ place: { socket: daemon.summary.socket }, apiKey: '' });
    } finally {
      await daemon.stop();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Whether this version has it; those of another one say nothing here. */
function isSetting(settings: Config, key: string): boolean {
  const [section = '', name = ''] = key.split('.');
  return name in (settings[section as keyof Config] ?? {});
}

/** `sampling.top_k` -> SEMANTIC_SAMPLING_TOP_K. */
function variables(settings: readonly (readonly [string, unknown])[]): Record<string, string> {
  return Object.fromEntries(settings.map(([key, value]) => [`SEMANTIC_${key.replace('.', '_').toUpperCase()}`, String(value)]));
}
