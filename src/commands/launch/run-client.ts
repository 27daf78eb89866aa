/** A client in the foreground, as if the shell had started it: its terminal, its exit code, its signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { SemanticError } from '../../core/domain/errors.js';
import type { ClientSettings } from './client.js';

/** The exit code, or 128 and the number of the signal that ended it, as shells say it. */
export async function runClient(program: string, { args, set, unset }: ClientSettings): Promise<number> {
  const kept = Object.entries(process.env).filter(([name]) => !unset.includes(name));
  const child = spawn(program, args, { stdio: 'inherit', env: { ...Object.fromEntries(kept), ...set } });
  const stopPassing = passSignals(child);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } catch (cause) {
    throw new SemanticError('PrerequisiteMissing', `[launch] cannot start ${program}: ${(cause as Error).message}`, { cause });
  } finally {
    stopPassing();
  }
}

/** Returns what ends it. */
function passSignals(child: ChildProcess): () => void {
  // Ctrl-C on a terminal goes to the client by itself; passed on too it would count twice.
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const handlers = (['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => {
    const fromKeyboard = hasTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT');
    const handler = (): void => {
      if (!fromKeyboard) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
