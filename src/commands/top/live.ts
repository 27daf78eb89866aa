/** The live view: asks the daemon at intervals, draws with ink, does what keys say. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChalkInstance } from 'chalk';
import { render } from 'ink';
import { createElement } from 'react';
import type { AgentDetailBody } from '../../client/agent-bodies.js';
import { SemanticError } from '../../core/domain/errors.js';
import { keysOf } from './keys.js';
import type { Line } from './line.js';
import { Lines, type OnInput } from './lines.js';
import { paint } from './paint.js';
import { rowsOf } from './rows.js';
import { drawScreen, pageRows, type Screen, type Size } from './screen.js';
import type { Snapshot, Source } from './snapshot.js';
import { sizeOf, takeScreen } from './terminal.js';
import { FIRST_VIEW, type Key, press } from './view.js';

export interface LiveOptions {
  readonly source: Source;
  /** The first one; the daemon has answered. */
  readonly snapshot: Snapshot;
  readonly intervalMs: number;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly chalk: ChalkInstance;
}

/** Resolves when the user leaves, with the exit code. */
export async function showLive(options: LiveOptions): Promise<number> {
  const { stdin, stdout, chalk, intervalMs } = options;
  const live = new Live(options);
  const screen = takeScreen(stdout);
  const draw = (): void => app.rerender(view(live.lines(), chalk, onInput));
  const onInput = (input: string, key: Parameters<typeof keysOf>[1]): void => {
    for (const one of keysOf(input, key)) live.press(one);
    draw();
  };
  const app = render(view(live.lines(), chalk, onInput), {
    stdin,
    stdout,
    patchConsole: false,
    exitOnCtrlC: false,
  });
  const clock = setInterval(draw, Math.min(intervalMs, CLOCK_MS)); // what does not answer grows old on the screen
  stdout.on('resize', draw);
  try {
    const asking = live.ask(draw);
    return await Promise.race([live.left, screen.signalled, asking, app.waitUntilExit().then(() => 0)]);
  } finally {
    live.stop();
    clearInterval(clock);
    stdout.off('resize', draw);
    app.unmount();
    screen.leave();
  }
}

const CLOCK_MS = 1000;
const LEAST_PATIENCE = 5; // seconds

/** What is shown, and what it becomes. */
class Live {
  readonly #source: Source;
  readonly #intervalMs: number;
  readonly #stdout: NodeJS.WriteStream;
  readonly #stopped = new AbortController();
  #screen: Screen;
  #wake: () => void = () => undefined;
  /** Ask again without a pause. */
  #hurry = false;
  #leave: (code: number) => void = () => undefined;
  readonly left = new Promise<number>((resolve) => {
    this.#leave = resolve;
  });

  constructor({ source, snapshot, intervalMs, stdout }: LiveOptions) {
    this.#source = source;
    this.#intervalMs = intervalMs;
    this.#stdout = stdout;
    this.#screen = { snapshot, view: FIRST_VIEW, agent: null, problem: null, patience: LEAST_PATIENCE + (2 * intervalMs) / 1000 };
  }

  lines(): Line[] {
    return drawScreen(this.#screen, this.#size, Date.now() / 1000);
  }

  press(key: Key): void {
    const { view, snapshot } = this.#screen;
    const next = press(view, key, rowsOf(snapshot), pageRows(snapshot, this.#size));
    if (next === null) return this.#leave(0);
    this.#screen = { ...this.#screen, view: next };
    if (next.opened === view.opened) return;
    this.#hurry = true; // what is open is asked for at once
    this.#wake();
  }

  /** Goes on until `stop`; a daemon that is away is asked again. Rejects with what is no error of the daemon's. */
  async ask(draw: () => void): Promise<number> {
    while (!this.#stopped.signal.aborted) {
      await this.#pause();
      const asked = await this.#answers();
      if (this.#stopped.signal.aborted) break;
      this.#screen = { ...this.#screen, ...asked };
      draw();
    }
    return 0;
  }

  stop(): void {
    this.#stopped.abort();
    this.#wake();
  }

  async #answers(): Promise<Pick<Screen, 'snapshot' | 'agent' | 'problem'>> {
    const { snapshot, agent } = this.#screen;
    try {
      const now = await this.#source.snapshot();
      return { snapshot: now, agent: await this.#openAgent(now), problem: null };
    } catch (error) {
      if (!(error instanceof SemanticError)) throw error;
      return { snapshot, agent, problem: error.message };
    }
  }

  /** One that is gone stays as it was last seen. */
  async #openAgent(snapshot: Snapshot): Promise<AgentDetailBody | null> {
    const { view, agent } = this.#screen;
    const id = rowsOf(snapshot).find(({ key }) => key === view.opened)?.agent ?? null;
    if (id === null) return view.opened === null ? null : agent;
    try {
      return await this.#source.agent(id);
    } catch (error) {
      if (error instanceof SemanticError && error.code === 'AgentNotFound') return agent;
      throw error;
    }
  }

  async #pause(): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    if (!this.#hurry) await sleep(this.#intervalMs, undefined, { signal: woken.signal }).catch(() => undefined);
    this.#hurry = false;
  }

  get #size(): Size {
    return sizeOf(this.#stdout);
  }
}

function view(lines: readonly Line[], chalk: ChalkInstance, onInput: OnInput): ReturnType<typeof createElement> {
  return createElement(Lines, { lines: lines.map((line) => paint(line, chalk)), onInput });
}
