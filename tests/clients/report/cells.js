/** @typedef {'text' | 'stream' | 'tool' | 'hit' | 'whole' | 'subagent' | 'abort' | 'error'} Cell */

/** @type {Readonly<Record<Cell, string>>} */
export const CELLS = {
  text: 'text',
  stream: 'three turns, streamed',
  hit: 'found of the prompt before (turns 2, 3)',
  whole: 'whole prompt, three turns',
  tool: 'tool call',
  subagent: 'sub-agent',
  abort: 'abort',
  error: 'error',
};

/** @type {Readonly<Record<string, string>>} */
export const CLIENTS = {
  'claude-code': 'Claude Code',
  codex: 'Codex',
  opencode: 'OpenCode',
  pi: 'pi',
  'anthropic-sdk': '`@anthropic-ai/sdk`',
  'openai-chat': '`openai`, Chat Completions',
  'openai-responses': '`openai`, Responses',
  'vercel-anthropic': '`ai` with `@ai-sdk/anthropic`',
  'vercel-openai': '`ai` with `@ai-sdk/openai`',
  'openai-agents': '`@openai/agents`',
};
