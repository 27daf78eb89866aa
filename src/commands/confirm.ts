/** What a command that destroys asks before it does. */
import { createInterface } from 'node:readline';
import { Flags } from '@oclif/core';
import { SemanticError } from '../core/domain/errors.js';

export const destroyFlags = {
  force: Flags.boolean({ char: 'f', default: false, description: 'Do not ask' }),
  'dry-run': Flags.boolean({ default: false, description: 'Say what would happen, and change nothing' }),
};

/** Throws InvalidRequest where nobody can be asked. To be called before anything else. */
export function assertCanAsk({ force, 'dry-run': dryRun }: { readonly force: boolean; readonly 'dry-run': boolean }): void {
  if (force || dryRun || (process.stdin.isTTY && process.stderr.isTTY)) return;
  throw new SemanticError('InvalidRequest', 'this destroys something, and without a terminal nobody can be asked', {
    hint: 'Say --force to do it, or --dry-run to see what it would do.',
  });
}

/** Throws Cancelled unless the answer is yes. */
export async function confirm(question: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await new Promise<string>((resolve) => {
    terminal.once('close', () => resolve('')); // Ctrl-C, Ctrl-D
    terminal.question(`${question} [y/N] `, resolve);
  });
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new SemanticError('Cancelled', 'nothing was changed');
}
