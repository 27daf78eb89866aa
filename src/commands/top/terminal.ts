/** The terminal while the live view has it, and as it was afterwards, whichever way the program ends. */

/** Another screen, so that what was there comes back. */
const ENTER = '\u001B[?1049h\u001B[H';
/** And the cursor, which the view hides. */
const LEAVE = '\u001B[?1049l\u001B[?25h';

export interface Screenful {
  /** Settles when a signal says to end; its number + 128. */
  readonly signalled: Promise<number>;
  leave(): void;
}

/** In characters. Some terminals say 0, which is that they do not know. */
export function sizeOf({ columns, rows }: NodeJS.WriteStream): { readonly columns: number; readonly rows: number } {
  return { columns: columns || 80, rows: rows || 24 };
}

const SIGNALS = { SIGTERM: 15, SIGHUP: 1, SIGINT: 2 } as const;

export function takeScreen(stdout: NodeJS.WritableStream): Screenful {
  let signal: (code: number) => void = () => undefined;
  const signalled = new Promise<number>((resolve) => {
    signal = resolve;
  });
  const handlers = Object.entries(SIGNALS).map(([name, number]) => [name, () => signal(128 + number)] as const);
  let left = false;
  const leave = (): void => {
    if (left) return;
    left = true;
    stdout.write(LEAVE);
    process.off('exit', leave);
    for (const [name, handler] of handlers) process.off(name, handler);
  };
  for (const [name, handler] of handlers) process.on(name, handler);
  process.on('exit', leave);
  stdout.write(ENTER);
  return { signalled, leave };
}
