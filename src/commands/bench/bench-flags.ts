/** Flags of the commands that measure, and what they stand for. */
import { Flags } from '@oclif/core';
import type { Config as Settings } from '../../adapters/config/schema.js';
import { socketPath } from '../../adapters/paths/paths.js';
import type { SessionOptions } from '../../bench/run/bench-session.js';
import { SemanticError } from '../../core/domain/errors.js';
import { type EngineFlagValues, engineFlags } from '../engine-flags.js';

export const benchFlags = {
  ...engineFlags,
  target: Flags.string({
    description: 'Measure a daemon that runs: http://host:port, the path of its socket, or `here`; without it a private one is started',
    helpValue: 'address',
  }),
  peer: Flags.string({
    multiple: true,
    description: 'Measure another server in the same run: llama.cpp=PATH, mlx-lm[=PYTHON], url=ADDRESS[#MODEL]',
    helpValue: 'server',
  }),
  'peer-gguf': Flags.string({ description: 'The same weights for llama.cpp, where the model is no GGUF file', helpValue: 'file' }),
  'peer-folder': Flags.string({ description: 'The same weights for mlx-lm, where the model is no folder', helpValue: 'folder' }),
  'peer-key': Flags.string({ description: 'Variable of the environment with the API key of a peer by url', helpValue: 'variable' }),
  other: Flags.string({ description: 'A second installed model, for the suite swap', helpValue: 'name' }),
  rounds: Flags.integer({ char: 'r', description: 'Samples of each measure', helpValue: 'n', min: 1, max: 1_000 }),
  seed: Flags.integer({ description: 'Same seed, same prompts', helpValue: 'n', default: 1, min: 1, max: 100_000 }),
  quick: Flags.boolean({ description: 'Few and short: that it works, not how fast' }),
  save: Flags.boolean({ description: 'Keep the result: semantic bench ls', default: true, allowNo: true }),
};

export interface BenchFlagValues extends EngineFlagValues {
  readonly target?: string | undefined;
  readonly peer?: readonly string[] | undefined;
  readonly 'peer-gguf'?: string | undefined;
  readonly 'peer-folder'?: string | undefined;
  readonly 'peer-key'?: string | undefined;
  readonly other?: string | undefined;
  readonly seed: number;
}

export interface Choice {
  readonly suites: SessionOptions['suites'];
  readonly rounds: number;
  readonly quick: boolean;
  readonly againstBuild: string | null;
}

export function sessionOptions(flags: BenchFlagValues, settings: Settings, choice: Choice): SessionOptions {
  const { model, server, client } = settings;
  const target = flags.target === 'here' ? socketPath(server.socket) : (flags.target ?? null);
  return {
    wish: {
      model: model.default,
      flags: serveFlags(flags),
      threads: model.threads,
      target,
      againstBuild: choice.againstBuild,
      peers: flags.peer ?? [],
      gguf: flags['peer-gguf'] ?? null,
      folder: flags['peer-folder'] ?? null,
      apiKey: client.api_key,
      peerKey: keyIn(flags['peer-key']),
    },
    suites: choice.suites,
    quick: choice.quick,
    rounds: choice.rounds,
    warmUps: 1,
    seed: flags.seed,
    other: flags.other ?? null,
    inProcess: target === null ? inProcess(settings) : null,
  };
}

/** What was said of the engine goes to private daemons; the rest is as it is shipped. */
function serveFlags(flags: EngineFlagValues): readonly string[] {
  return (['context', 'threads', 'executor', 'compute'] as const).flatMap((name) => {
    const value = flags[name];
    return value === undefined ? [] : [`--${name}`, `${value}`];
  });
}

function keyIn(variable: string | undefined): string {
  if (variable === undefined) return '';
  const key = process.env[variable] ?? '';
  if (key !== '') return key;
  throw new SemanticError('InvalidRequest', `--peer-key: the variable ${variable} is not set`, { param: 'peer-key' });
}

/** Of the suite `quality`, which has to see what no server tells. */
function inProcess(settings: Settings): SessionOptions['inProcess'] {
  return {
    model: settings.model.default,
    async backend() {
      const { chooseBackend } = await import('../../server/choose-backend.js');
      return chooseBackend(settings);
    },
  };
}
