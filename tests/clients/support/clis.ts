/** How each command-line client is told of the daemon, and asked. As their users would do it; `semantic launch` does the same. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientHome } from './client-home.js';
import type { Command } from './run-client.js';

export interface Ask {
  readonly prompt: string;
  /** It goes on from the turn before. */
  readonly isNext: boolean;
  /** Name of a tool that the answer has to call, as the header says it. */
  readonly tool: string | null;
  /** With all its own instructions and tools, however long. */
  readonly isWhole: boolean;
}

export interface Cli {
  readonly name: string;
  /** A tool of its own, and what is asked so that it runs. Arguments that the tiny model has to make up are short or a path it was told. */
  readonly tool: string;
  toolPrompt(home: ClientHome): string;
  /** Writes the configuration it reads. */
  prepare(home: ClientHome, daemon: DaemonAddress): void;
  command(ask: Ask, home: ClientHome, daemon: DaemonAddress): Command;
}

export interface DaemonAddress {
  readonly address: string;
  readonly model: string;
}

const MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));
const CHOICE = 'x-semantic-tool-choice';

/** Packages of binaries are named after what they run on. */
const here = `${process.platform}-${process.arch}`;

function readNotes(home: ClientHome): string {
  home.write('work/notes.txt', 'The meeting is at noon.\n');
  return `Read the file ${home.work}/notes.txt`;
}

const claude: Cli = {
  name: 'claude-code',
  tool: 'Read',
  toolPrompt: readNotes,
  prepare: () => undefined,
  command: ({ prompt, isNext, tool, isWhole }, _, { address, model }) => ({
    program: join(MODULES, `@anthropic-ai/claude-code-${here}/claude`),
    args: [...(isWhole ? [] : ['--bare', '--tools', 'Read', '--allowedTools', 'Read']), ...(isNext ? ['-c'] : []), '-p', prompt],
    env: {
      ANTHROPIC_BASE_URL: address,
      ANTHROPIC_AUTH_TOKEN: 'none',
      ANTHROPIC_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: '256',
      ...(tool === null ? {} : { ANTHROPIC_CUSTOM_HEADERS: `${CHOICE}: ${tool}` }),
    },
  }),
};

/** Claude Code, whose one tool starts an agent: what the tiny model makes up of that call's arguments is what it was told. */
export function claudeWithAgents(home: ClientHome, daemon: DaemonAddress): Command {
  const prompt = 'Call Agent with description "Say hello", prompt "Say hello" and subagent_type "general-purpose".';
  const { program, env } = claude.command({ prompt, isNext: false, tool: 'Agent; once', isWhole: true }, home, daemon);
  const helpful = 'You are a helpful assistant.';
  const agents = { 'general-purpose': { description: 'Says hello.', prompt: helpful } };
  const own = ['--tools', 'Agent', '--allowedTools', 'Agent', '--agents', JSON.stringify(agents), '--system-prompt', helpful];
  return { program, args: [...own, '-p', prompt], env };
}

const codex: Cli = {
  name: 'codex',
  // A command line is a text without an end to the tiny model, and Codex sends no limit to what it may write.
  tool: 'get_goal',
  toolPrompt: () => 'What is our goal?',
  // Its own instructions and tools are some 8,600 tokens, more than the model was trained for.
  prepare: (home) => void home.write('.codex/instructions.md', 'You are a helpful assistant.\n'),
  command: ({ prompt, isNext, tool, isWhole }, home, { address, model }) => {
    const provider: Record<string, unknown> = {
      name: 'semantic',
      base_url: `${address}/v1`,
      wire_api: 'responses',
      env_key: 'SEMANTIC_KEY',
    };
    if (tool !== null) provider['http_headers'] = { [CHOICE]: tool };
    const settings = {
      model_provider: 'semantic',
      'model_providers.semantic': provider,
      ...(isWhole ? {} : { model_instructions_file: join(home.path, '.codex/instructions.md') }),
    };
    const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${toml(value)}`]);
    const where = ['--skip-git-repo-check', '-s', 'read-only', '-m', model, ...options];
    return {
      program: process.execPath,
      args: [join(MODULES, '@openai/codex/bin/codex.js'), 'exec', ...where, ...(isNext ? ['resume', '--last'] : []), prompt],
      env: { CODEX_HOME: join(home.path, '.codex'), SEMANTIC_KEY: 'none' },
    };
  },
};

const opencode: Cli = {
  name: 'opencode',
  tool: 'read',
  toolPrompt: readNotes,
  prepare: () => undefined,
  command: ({ prompt, isNext, tool, isWhole }, _, { address, model }) => {
    const options = { baseURL: `${address}/v1`, apiKey: 'none', ...(tool === null ? {} : { headers: { [CHOICE]: tool } }) };
    const served = { name: model, tool_call: true, limit: { context: 32_768, output: 256 } };
    const provider = { npm: '@ai-sdk/openai-compatible', name: 'semantic', options, models: { [model]: served } };
    // Its own prompt and tools are some 7,500 tokens; three turns of it would not fit.
    const agent = isWhole ? {} : { build: { prompt: 'You are a helpful assistant.', tools: { '*': false, read: true } } };
    const name = `semantic/${model}`;
    const config = { model: name, small_model: name, autoupdate: false, share: 'disabled', provider: { semantic: provider }, agent };
    // The build for processors without AVX2 runs on all.
    const build = process.arch === 'x64' ? `opencode-${here}-baseline` : `opencode-${here}`;
    return {
      program: join(MODULES, build, 'bin/opencode'),
      args: ['run', ...(isNext ? ['--continue'] : []), prompt],
      env: { OPENCODE_CONFIG_CONTENT: JSON.stringify(config), OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_AUTOUPDATE: '1' },
    };
  },
};

const pi: Cli = {
  name: 'pi',
  tool: 'read',
  toolPrompt: readNotes,
  // It knows our text of a prompt that is too long, and would sum up the conversation: the tiny model's summaries have no end.
  prepare: (home) => void home.write('.pi/agent/settings.json', JSON.stringify({ compaction: { enabled: false } })),
  command: ({ prompt, isNext, tool }, home, { address, model }) => {
    const headers = tool === null ? {} : { headers: { [CHOICE]: tool } };
    // Told of the real 8,192 tokens, it would sum up every turn: it wants 16,384 free.
    const models = [{ id: model, contextWindow: 65_536, maxTokens: 256 }];
    const semantic = { baseUrl: `${address}/v1`, api: 'openai-completions', apiKey: 'none', ...headers, models };
    home.write('.pi/agent/models.json', JSON.stringify({ providers: { semantic } }));
    return {
      program: process.execPath,
      args: [
        join(MODULES, '@mariozechner/pi-coding-agent/dist/cli.js'),
        '--provider',
        'semantic',
        '--model',
        model,
        ...(isNext ? ['-c'] : []),
        '-p',
        prompt,
      ],
      env: { PI_OFFLINE: '1' },
    };
  },
};

function toml(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)} = ${toml(inner)}`)
    .join(', ')} }`;
}

export const CLIS: readonly Cli[] = [claude, codex, opencode, pi];
