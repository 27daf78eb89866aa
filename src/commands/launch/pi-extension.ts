/** Loaded by pi, not by us: registers the provider that `semantic launch pi` describes in a variable. Imports nothing. */
export interface PiProvider {
  readonly baseUrl: string;
  /** Name of the variable with the key. */
  readonly apiKey: string;
  readonly model: string;
  readonly contextLength: number;
  readonly answerTokens: number;
}

/** As much of pi's ExtensionAPI as is used. */
interface Pi {
  registerProvider(name: string, provider: object): void;
}

export default function register(pi: Pi): void {
  const text = process.env['PI_SEMANTIC_PROVIDER'];
  if (text === undefined) return;
  const { baseUrl, apiKey, model, contextLength, answerTokens } = JSON.parse(text) as PiProvider;
  const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  pi.registerProvider('semantic', {
    name: 'semantic',
    baseUrl,
    apiKey,
    api: 'openai-completions',
    models: [{ id: model, name: model, reasoning: false, input: ['text'], cost, contextWindow: contextLength, maxTokens: answerTokens }],
  });
}
