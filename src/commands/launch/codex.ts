/** Codex (tried with 0.169): a provider of its own by `-c`, which overrides config.toml for one process; the key by a variable. */
import { type Client, KEY_VARIABLE } from './client.js';

export const codex: Client = {
  title: 'Codex',
  program: 'codex',
  install: 'npm install -g @openai/codex',
  settings: ({ address, model, contextLength, apiKey }) => {
    const provider = { name: 'semantic', base_url: `${address}/v1`, env_key: KEY_VARIABLE, wire_api: 'responses' };
    const fields = Object.entries(provider).map(([name, value]) => `${name}=${quoted(value)}`);
    const overrides = [
      'model_provider="semantic"',
      `model_providers.semantic={${fields.join(',')}}`,
      `model=${quoted(model)}`,
      `model_context_window=${contextLength}`,
    ];
    return { args: overrides.flatMap((override) => ['-c', override]), set: { [KEY_VARIABLE]: apiKey }, unset: [] };
  },
};

/** A basic string of TOML, which JSON's are, but for one character. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u007F', String.raw`\u007F`);
}
