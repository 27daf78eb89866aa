/** A conversation on a terminal. Ctrl-C stops the answer, on an empty line it says how to leave; Ctrl-D or /exit leaves. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { stateDirectory } from '../../adapters/paths/paths.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { Conversation } from './conversation.js';

export interface InteractOptions {
  readonly model: string;
  readonly via: 'daemon' | 'process';
  readonly historyEntries: number;
}

const PROMPT = '> ';

export async function interact(conversation: Conversation, { model, via, historyEntries }: InteractOptions): Promise<void> {
  const historyFile = join(stateDirectory(), 'chat-history');
  const terminal = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: process.stdin.isTTY,
    prompt: PROMPT,
    history: readHistory(historyFile),
    historySize: historyEntries,
    removeHistoryDuplicates: true,
  });
  let answering: AbortController | null = null;
  let history: readonly string[] = [];
  terminal.on('history', (lines: string[]) => {
    history = [...lines];
  });
  terminal.on('SIGINT', () => {
    if (answering !== null) return answering.abort();
    process.stderr.write('\n(Ctrl-D or /exit leaves)\n');
    terminal.write(null, { ctrl: true, name: 'u' }); // clear the line
    terminal.prompt();
  });
  process.stderr.write(`${model} ${via === 'daemon' ? 'through the daemon' : 'in this process'}. Ctrl-C stops an answer, Ctrl-D leaves.\n`);
  terminal.prompt();
  for await (const line of terminal) {
    if (line.trim() === '/exit') break;
    if (line.trim() !== '') {
      answering = new AbortController();
      await show(conversation, line, answering.signal);
      answering = null;
    }
    terminal.prompt();
  }
  terminal.close();
  if (history.length > 0) writeHistory(historyFile, history);
}

async function show(conversation: Conversation, line: string, signal: AbortSignal): Promise<void> {
  try {
    for await (const event of conversation.say(line, signal)) {
      if (event.type === 'token') process.stdout.write(event.text);
    }
    process.stdout.write('\n');
  } catch (error) {
    if (!(error instanceof SemanticError)) throw error;
    process.stderr.write(
      error.code === 'Cancelled' ? '\n(stopped)\n' : `\nError: ${error.message}${error.hint === undefined ? '' : ` ${error.hint}`}\n`,
    );
  }
}

/** Newest first, as readline keeps it. */
function readHistory(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return []; // there is none yet
  }
}

function writeHistory(path: string, lines: readonly string[]): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
}
