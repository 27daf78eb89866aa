/** Our own daemon as a target: a private one of a build, or one that was running already. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { packageDirectory } from '../../adapters/paths/paths.js';
import { SemanticError } from '../../core/domain/errors.js';
import { HttpEndpoint } from './http-endpoint.js';
import { ownBody, OwnConnection, PrivateDaemon } from './own-daemon.js';
import type { LaunchedDaemon, OwnBuild, Target } from './target.js';

export interface OurBuild {
  readonly name: string;
  /** Path of bin/run.js. */
  readonly binary: string;
  /** Id or path of the model, and flags of `semantic serve`. */
  readonly model: string;
  readonly flags: readonly string[];
}

/** bin/run.js of this build. */
export function thisBinary(): string {
  return join(packageDirectory(), 'bin/run.js');
}

/** bin/run.js of the build in a folder, or that file itself. Throws PrerequisiteMissing. */
export function binaryOf(path: string): string {
  const found = [path, join(path, 'bin/run.js')].map((candidate) => resolve(candidate)).find(isFile);
  if (found !== undefined) return found;
  throw new SemanticError('PrerequisiteMissing', `[bench] there is no build of semantic in ${resolve(path)}`, {
    hint: 'Name the root of a checkout that was set up (npm run setup), or its bin/run.js.',
  });
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/** Starts a private daemon of it. */
export async function startOurs({ name, binary, model, flags }: OurBuild, signal: AbortSignal): Promise<Target> {
  const start = (options: { readonly environment?: Readonly<Record<string, string>>; readonly model?: string }): Promise<PrivateDaemon> =>
    PrivateDaemon.start({ name, binary, flags, model: options.model ?? model, environment: options.environment ?? {} }, signal);
  const daemon = await start({});
  const own: OwnBuild = {
    binary,
    isThis: binary === thisBinary(),
    get daemon() {
      return daemon.daemon;
    },
    restart: (stop) => daemon.restart(stop),
    launch: (options): Promise<LaunchedDaemon> => start(options),
  };
  const { summary } = daemon;
  const { version } = await daemon.daemon.status();
  return {
    name,
    kind: 'ours',
    model: summary.model.id,
    contextTokens: summary.model.contextLength,
    facts: {
      version,
      fingerprint: (await daemon.daemon.fingerprint()) ?? 'unknown',
      weight_bytes: `${summary.model.weightBytes}`,
      ...(own.isThis ? {} : { build: binary }),
      ...(flags.length > 0 ? { flags: flags.join(' ') } : {}),
    },
    own,
    prepare: () => Promise.resolve(), // it takes what comes, up to its context
    chat: (body, options) => daemon.chat(body, options),
    close: () => daemon.close(),
  };
}

const summarySchema = z.object({ pid: z.number(), version: z.string(), socket: z.string() });
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string(), context_length: z.number() })) });

/** A daemon that runs: `address` is http://host:port or its Unix socket. Throws PeerFailed, ModelUnavailable. */
export async function joinOurs(address: string, name: string, apiKey: string, signal: AbortSignal): Promise<Target> {
  const http = new HttpEndpoint(address, name, apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` });
  try {
    const model = (await http.get('/v1/models', modelsSchema, signal)).data[0];
    if (model === undefined) throw new SemanticError('ModelUnavailable', `[bench] the daemon on ${address} has no model in memory now`);
    const { pid, version, socket } = await http.get('/v1/admin/process', summarySchema, signal);
    // What it tells only its owner needs its socket: there is none where it runs on another machine.
    const connection = existsSync(socket) ? new OwnConnection(socket, pid) : null;
    return {
      name,
      kind: 'ours',
      model: model.id,
      contextTokens: model.context_length,
      facts: { version, address, fingerprint: (await connection?.fingerprint().catch(() => null)) ?? 'unknown' },
      own: connection === null ? null : runningBuild(connection),
      prepare: () => Promise.resolve(),
      chat: (body, options) => http.chat(ownBody(model.id, body), options),
      async close() {
        await connection?.close();
        await http.close();
      },
    };
  } catch (error) {
    await http.close();
    throw error;
  }
}

function runningBuild(daemon: OwnConnection): OwnBuild {
  const refused = (): Promise<never> =>
    Promise.reject(new SemanticError('Internal', '[bench] a daemon that ran before is neither restarted nor multiplied'));
  return { binary: null, isThis: false, daemon, restart: refused, launch: refused };
}
