/** Claude Code (tried with 2.1): everything by variables. Those in `env` of the user's own settings.json win over them. */
import { answerTokens, type Client } from './client.js';

/** It takes none below. */
const MIN_COMPACT_WINDOW = 100_000;

export const claude: Client = {
  title: 'Claude Code',
  program: 'claude',
  install: 'npm install -g @anthropic-ai/claude-code',
  settings: (target) => ({
    args: [],
    set: {
      ANTHROPIC_BASE_URL: target.address,
      ANTHROPIC_AUTH_TOKEN: target.apiKey, // as ANTHROPIC_API_KEY it would ask whether to use it
      ANTHROPIC_MODEL: target.model,
      ANTHROPIC_DEFAULT_OPUS_MODEL: target.model,
      ANTHROPIC_DEFAULT_SONNET_MODEL: target.model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: target.model, // titles and the like
      CLAUDE_CODE_SUBAGENT_MODEL: target.model,
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: String(answerTokens(target)),
      ...(target.contextLength < MIN_COMPACT_WINDOW ? {} : { CLAUDE_CODE_AUTO_COMPACT_WINDOW: String(target.contextLength) }),
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    },
    unset: [
      'ANTHROPIC_API_KEY',
      'ANTHROPIC_SMALL_FAST_MODEL',
      'CLAUDE_CODE_OAUTH_TOKEN',
      'CLAUDE_CODE_USE_ANTHROPIC_AWS',
      'CLAUDE_CODE_USE_BEDROCK',
      'CLAUDE_CODE_USE_FOUNDRY',
      'CLAUDE_CODE_USE_GATEWAY',
      'CLAUDE_CODE_USE_MANTLE',
      'CLAUDE_CODE_USE_VERTEX',
    ],
  }),
};
