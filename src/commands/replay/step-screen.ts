/** The steps of a session on the whole screen, with ink. */
import type { ChalkInstance } from 'chalk';
import { render } from 'ink';
import { createElement } from 'react';
import { clip, fit, line, wrap } from '../top/line.js';
import { Lines, type OnInput } from '../top/lines.js';
import { paint } from '../top/paint.js';
import { sizeOf, takeScreen } from '../top/terminal.js';
import { FIRST_STEP, pressed, type StepView } from './step-view.js';

export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly chalk: ChalkInstance;
}

const KEYS = ['q leave', 'right, n next', 'left, p back', 'up, down scroll', 'home, end'];

/** Resolves when the user leaves, with the exit code. */
export async function showSteps(id: string, steps: readonly (readonly string[])[], { stdin, stdout, chalk }: Terminal): Promise<number> {
  let view: StepView = FIRST_STEP;
  let leave: (code: number) => void = () => undefined;
  const left = new Promise<number>((resolve) => (leave = resolve));
  const screen = takeScreen(stdout);
  const wrapped = (columns: number): string[] => steps[view.at]!.flatMap((text) => wrap(text, columns));
  const onInput: OnInput = (input, key) => {
    const { columns, rows } = sizeOf(stdout);
    const next = pressed(view, input, key, { steps: steps.length, lines: wrapped(columns).length, page: Math.max(1, rows - 3) });
    if (next === null) return leave(0);
    view = next;
    draw();
  };
  const drawn = (): ReturnType<typeof createElement> => {
    const { columns, rows } = sizeOf(stdout);
    const page = Math.max(1, rows - 3); // a title, the keys, and a last line on which terminals scroll
    const body = wrapped(columns).slice(view.scroll, view.scroll + page);
    const blank = Array.from({ length: page - body.length }, () => '');
    const lines = [
      line(clip(id, columns), 'title'),
      ...[...body, ...blank].map((text) => line(clip(text, columns))),
      line(fit(KEYS, columns), 'quiet'),
    ];
    return createElement(Lines, { lines: lines.map((one) => paint(one, chalk)), onInput });
  };
  const app = render(drawn(), { stdin, stdout, patchConsole: false, exitOnCtrlC: false });
  const draw = (): void => app.rerender(drawn());
  stdout.on('resize', draw);
  try {
    return await Promise.race([left, screen.signalled, app.waitUntilExit().then(() => 0)]);
  } finally {
    stdout.off('resize', draw);
    app.unmount();
    screen.leave();
  }
}
