import { Args, Flags } from '@oclif/core';
import type { Usage } from '../core/domain/request.js';
import { BaseCommand } from './base-command.js';
import { engineFlags, engineSettings } from './engine-flags.js';

export interface ChatAnswer {
  readonly text: string;
  readonly finishReason: string;
  readonly usage: Usage;
  readonly model: string;
  /** Whether a daemon answered, or the engine in this process. */
  readonly via: 'daemon' | 'process';
}

export default class Chat extends BaseCommand {
  static override summary = 'Talk to the model: one prompt, a pipe, or a conversation.';
  static override description =
    'Goes through a running daemon if there is one, else loads the model into this process. Piped text follows the prompt. ' +
    'In a conversation Ctrl-C stops the answer, Ctrl-D ends it.';
  static override examples = [
    '<%= config.bin %> chat "Why is the sky blue?"',
    '<%= config.bin %> chat',
    'git diff | <%= config.bin %> chat "Summarise this change:"',
    '<%= config.bin %> chat --seed 7 --json "Name a colour."',
  ];
  static override args = { prompt: Args.string({ description: 'What to say; without it a conversation starts' }) };
  static override flags = {
    ...engineFlags,
    system: Flags.string({ char: 's', description: 'System message', helpValue: 'text' }),
    'max-tokens': Flags.integer({ description: 'Longest answer', min: 1, helpValue: 'tokens' }),
    temperature: Flags.string({ char: 't', description: '0 = always the likeliest token', helpValue: '0..2' }),
    'top-p': Flags.string({ description: 'Keep the likeliest tokens up to this probability', helpValue: '0..1' }),
    'top-k': Flags.integer({ description: 'Keep this many tokens (0 = all)', helpValue: 'n' }),
    seed: Flags.integer({ description: 'Same seed, same answer', helpValue: 'n' }),
    stop: Flags.string({ description: 'End the answer at this text', multiple: true, multipleNonGreedy: true, helpValue: 'text' }),
    'in-process': Flags.boolean({ description: 'Do not look for a daemon' }),
  };

  override async run(): Promise<ChatAnswer | undefined> {
    const { args, flags } = await this.parse(Chat);
    const settings = await this.settings({
      ...engineSettings(flags),
      'sampling.temperature': number(flags.temperature),
      'sampling.top_p': number(flags['top-p']),
      'sampling.top_k': flags['top-k'],
    });
    const { readPrompt } = await import('./chat/read-prompt.js');
    const prompt = await readPrompt(args.prompt, process.stdin);
    const { openGenerator } = await import('./chat/open-generator.js');
    const source = await openGenerator(settings, { inProcess: flags['in-process'], model: flags.model });
    const { Conversation } = await import('./chat/conversation.js');
    const options = {
      system: flags.system ?? null,
      maxTokens: flags['max-tokens'] ?? null,
      seed: flags.seed ?? null,
      stop: flags.stop ?? [],
    };
    const conversation = new Conversation(source.generator, settings.sampling, options);
    try {
      if (prompt === null) {
        const { interact } = await import('./chat/interact.js');
        await interact(conversation, { model: source.model, via: source.via, historyEntries: settings.client.history_entries });
        return undefined;
      }
      const { answerOnce } = await import('./chat/answer-once.js');
      const answer = await answerOnce(conversation, prompt, this.jsonEnabled() ? null : process.stdout);
      return { ...answer, model: source.model, via: source.via };
    } finally {
      await source.close();
    }
  }
}

/** Text that is no number stays text: the configuration's schema says what is wrong with it. */
function number(text: string | undefined): number | string | undefined {
  if (text === undefined) return undefined;
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}
