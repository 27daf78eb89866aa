import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import { PeerProcess } from './peer-process.js';
import type { Target } from './target.js';

export interface MlxLmOptions {
  readonly name: string;
  /** A Python that has mlx-lm. */
  readonly python: string;
  /** Hugging Face style folder of the same weights. */
  readonly folder: string;
  readonly contextTokens: number;
}

/** The server of mlx-lm, with its own defaults; it ends an answer where the model does, since it knows no way to go on. */
export async function startMlxLm({ name, python, folder, contextTokens }: MlxLmOptions, signal: AbortSignal): Promise<Target> {
  if (!existsSync(folder)) throw new SemanticError('PrerequisiteMissing', `[bench] there is no folder ${resolve(folder)} for ${name}`);
  const server = await PeerProcess.start(
    {
      name,
      command: python,
      healthPath: '/health',
      args: (port) => ['-m', 'mlx_lm.server', '--model', folder, '--host', '127.0.0.1', '--port', `${port}`],
    },
    signal,
  );
  return {
    name,
    kind: 'mlx-lm',
    model: 'default_model', // what it was started with
    contextTokens,
    facts: { python, weights: folder },
    own: null,
    prepare: () => Promise.resolve(),
    chat: ({ messages, maxTokens }, options) =>
      server.http.chat({ model: 'default_model', messages, max_tokens: maxTokens, temperature: 0 }, options),
    close: () => server.close(),
  };
}
