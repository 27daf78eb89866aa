/** OpenCode (tried with 1.18): a provider by OPENCODE_CONFIG_CONTENT, which is laid over its configuration files. */
import { SemanticError } from '../../core/domain/errors.js';
import { answerTokens, type Client, KEY_VARIABLE } from './client.js';

export const opencode: Client = {
  title: 'OpenCode',
  program: 'opencode',
  install: 'npm install -g opencode-ai',
  settings: (target, environment) => {
    const { address, model, contextLength, apiKey } = target;
    const theirs = configured(environment['OPENCODE_CONFIG_CONTENT']);
    const provider = {
      npm: '@ai-sdk/openai-compatible',
      name: 'semantic',
      options: { baseURL: `${address}/v1`, apiKey: `{env:${KEY_VARIABLE}}` },
      models: { [model]: { name: model, limit: { context: contextLength, output: answerTokens(target) } } },
    };
    const config = {
      ...theirs,
      model: `semantic/${model}`,
      small_model: `semantic/${model}`,
      provider: { ...(theirs['provider'] as object | undefined), semantic: provider },
    };
    return { args: [], set: { OPENCODE_CONFIG_CONTENT: JSON.stringify(config), [KEY_VARIABLE]: apiKey }, unset: [] };
  },
};

/** What the user has in the variable already. */
function configured(text: string | undefined): Record<string, unknown> {
  if (text === undefined || text === '') return {};
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `OPENCODE_CONFIG_CONTENT is set, and is not JSON: ${(cause as Error).message}`, {
      hint: 'Unset it, or put it into a file that OPENCODE_CONFIG names.',
      cause,
    });
  }
}
