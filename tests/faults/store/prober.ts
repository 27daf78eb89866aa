/** The parent's end of probe.js: one process for many directories. Should it end, its end is the finding, and the next takes over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Findings } from './probe.js';

const PROBE = fileURLToPath(new URL('probe.js', import.meta.url));
/** Past this it hangs. */
const PATIENCE_MS = 60_000;

export class Prober {
  #child: ChildProcess | null = null;
  #lines: Interface | null = null;

  /** Throws when the process fails, ends or hangs. `append`: number of a block to store afterwards; 0 = none. */
  async look(directory: string, append = 0): Promise<Findings> {
    const { child, lines } = this.#running();
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const answered = once(lines, 'line', { signal: patience }) as Promise<[string]>;
    const ended = once(child, 'close').then(([code, signal]: unknown[]): never => {
      this.#child = null;
      throw new Error(`the probe ended with ${String(code ?? signal)} at ${directory}`);
    });
    ended.catch(() => undefined);
    child.stdin!.write(`${JSON.stringify({ directory, append })}\n`);
    const [line] = await Promise.race([answered, ended]);
    const answer = JSON.parse(line) as Findings | { readonly failed: string };
    if ('failed' in answer) throw new Error(answer.failed);
    return answer;
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.stdin!.end();
    await once(child, 'close');
  }

  #running(): { readonly child: ChildProcess; readonly lines: Interface } {
    if (this.#child === null || this.#lines === null) {
      this.#child = spawn(process.execPath, [PROBE], { stdio: ['pipe', 'pipe', 'inherit'] });
      this.#child.setMaxListeners(0);
      this.#lines = createInterface({ input: this.#child.stdout! });
    }
    return { child: this.#child, lines: this.#lines };
  }
}
