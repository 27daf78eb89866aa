import { text } from 'node:stream/consumers';
import { SemanticError } from '../../core/domain/errors.js';

/** The prompt of the command line, then what was piped in; null = neither, so talk. */
export async function readPrompt(argument: string | undefined, stdin: NodeJS.ReadStream): Promise<string | null> {
  if (stdin.isTTY) return argument ?? null;
  const piped = (await text(stdin)).trimEnd();
  const parts = [argument ?? '', piped].filter((part) => part !== '');
  if (parts.length === 0)
    throw new SemanticError('InvalidRequest', 'the prompt is empty', { hint: 'Give it as an argument or through a pipe.' });
  return parts.join('\n\n');
}
