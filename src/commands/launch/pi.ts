/** pi (tried with 0.73): a provider by an extension of ours, so that its own models.json stays as it is. */
import { join } from 'node:path';
import { packageDirectory } from '../../adapters/paths/paths.js';
import { answerTokens, type Client, KEY_VARIABLE } from './client.js';
import type { PiProvider } from './pi-extension.js';

export const pi: Client = {
  title: 'pi',
  program: 'pi',
  install: 'npm install -g @mariozechner/pi-coding-agent',
  settings: (target) => {
    const { address, model, contextLength, apiKey } = target;
    const provider: PiProvider = {
      baseUrl: `${address}/v1`,
      apiKey: KEY_VARIABLE,
      model,
      contextLength,
      answerTokens: answerTokens(target),
    };
    const extension = join(packageDirectory(), 'dist/commands/launch/pi-extension.js');
    return {
      args: ['--extension', extension, '--provider', 'semantic', '--model', model],
      set: { PI_SEMANTIC_PROVIDER: JSON.stringify(provider), [KEY_VARIABLE]: apiKey },
      unset: [],
    };
  },
};
