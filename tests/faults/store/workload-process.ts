/** Runs the workload in a process of its own, with a fault if there is one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FaultControl, type LoggedCall } from '../shim/fault-control.js';
import { STEPS } from './workload.js';

const PROGRAM = fileURLToPath(new URL('run-workload.js', import.meta.url));
const PATIENCE_MS = 60_000;

export interface Line {
  readonly step?: number;
  readonly refused?: number;
  readonly code?: string | null;
  readonly status?: string;
  readonly reason?: string | null;
  readonly round?: number;
  readonly message?: string;
  readonly log?: readonly string[];
  /** Images that the running store handed out and that are not what was written. */
  readonly wrong?: number;
}

export interface Ran {
  readonly lines: readonly Line[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A directory for the store, one beside it for the shim. */
export class Bench {
  readonly #top: string;
  readonly directory: string;
  readonly control: FaultControl;

  /** `isInMemory`: where the disk is of no account, a file system in memory does, if there is one: syncing costs nothing there. */
  constructor({ isInMemory = false } = {}) {
    this.#top = realpathSync(mkdtempSync(join(isInMemory ? memoryDirectory() : tmpdir(), 'semantic-faults-')));
    this.directory = join(this.#top, 'disk', 'kv');
    mkdirSync(join(this.#top, 'disk'));
    this.control = new FaultControl(this.#top, join(this.#top, 'disk'));
  }

  /** `onRound`: called when the process says that its first round is over; afterwards it goes on. */
  async run(onRound: (() => void) | null = null): Promise<Ran> {
    const child = spawn(process.execPath, [PROGRAM, this.directory, ...(onRound === null ? [] : ['--retry'])], {
      env: { ...process.env, ...this.control.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: PATIENCE_MS,
      killSignal: 'SIGTERM',
    });
    let [out, stderr] = ['', ''];
    let isTold = false;
    child.stdin.on('error', () => undefined); // it may be gone
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (isTold || onRound === null || !out.includes('"round":1')) return;
      isTold = true;
      onRound();
      child.stdin.end('\n');
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const lines = out
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
    return { lines, code, signal, stderr };
  }

  remove(): void {
    this.control.close();
    rmSync(this.#top, { recursive: true, force: true });
  }
}

/** Steps acknowledged without a gap. */
export function stepsDone({ lines }: Ran): number {
  let done = 0;
  for (const { step } of lines) if (step === done) done++;
  return done;
}

/** Without a fault, all calls that change the directory, in their order. */
export async function callsOfWorkload(): Promise<readonly LoggedCall[]> {
  const bench = new Bench();
  try {
    const ran = await bench.run();
    const done = stepsDone(ran);
    if (ran.code !== 0 || done < STEPS.length)
      throw new Error(`the workload ended with ${String(ran.code)} after ${done} steps: ${ran.stderr}`);
    return bench.control.log();
  } finally {
    bench.remove();
  }
}

export function memoryDirectory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
