/** Runs a program on a real pseudo-terminal, with Python's pty module: no native package is needed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Terminal {
  type(keys: string): void;
  /** Resolves when the output so far contains it. */
  shows(what: string | RegExp): Promise<void>;
  /** All that was written so far. */
  output(): string;
  ended(): Promise<number | null>;
}

const PTY = `
import os, pty, sys
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))
`;

/** The longest the model may take until what a test waits for is on the screen. */
const PATIENCE_MS = 45_000;

export function runOnTerminal(command: readonly string[], env: Readonly<Record<string, string>>, cwd?: string): Terminal {
  const child = spawn('python3', ['-c', PTY, ...command], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = once(child, 'close') as Promise<[number | null]>;
  return {
    type: (keys) => void child.stdin.write(keys),
    async shows(what) {
      const deadline = Date.now() + PATIENCE_MS;
      while (typeof what === 'string' ? !output.includes(what) : !what.test(output)) {
        if (Date.now() > deadline || child.exitCode !== null) throw new Error(`${String(what)} is not on the screen:\n${output}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    output: () => output,
    ended: async () => (await ended)[0],
  };
}

/** Whether text has colours, or bold and the like. */
export function hasColours(text: string): boolean {
  return text.split('\u001B[').some((sequence) => /^[\d;]+m/.test(sequence));
}

/** What a program writes that leaves another screen and shows the cursor. */
export const SCREEN_LEFT = '\u001B[?1049l\u001B[?25h';
