import type { Writable } from 'node:stream';
import { SemanticError } from '../../core/domain/errors.js';
import type { Usage } from '../../core/domain/request.js';
import type { Conversation } from './conversation.js';

export interface Answer {
  readonly text: string;
  readonly finishReason: string;
  readonly usage: Usage;
}

/** Streams one answer to `output` (null = nowhere) and returns it. Ctrl-C ends the command with exit code 130. */
export async function answerOnce(conversation: Conversation, prompt: string, output: Writable | null): Promise<Answer> {
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort();
  process.once('SIGINT', onInterrupt);
  let text = '';
  try {
    for await (const event of conversation.say(prompt, stop.signal)) {
      if (event.type === 'token') {
        text += event.text;
        output?.write(event.text);
      } else if (event.type === 'finished') {
        if (!text.endsWith('\n')) output?.write('\n');
        return { text, finishReason: event.reason, usage: event.usage };
      }
    }
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
  throw new SemanticError('Internal', 'the answer ended without being finished');
}
