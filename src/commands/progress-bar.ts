import type { WriteStream } from 'node:tty';
import { Presets, SingleBar } from 'cli-progress';

export interface ProgressBar {
  show(phase: string, done: number, total: number): void;
  stop(): void;
}

/** One bar per phase on a terminal, nothing elsewhere: logs need no bars. */
export function progressBar(stream: NodeJS.WriteStream & Partial<WriteStream>): ProgressBar {
  let bar: SingleBar | null = null;
  let current = '';
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  const start = (phase: string, total: number): SingleBar => {
    stop();
    current = phase;
    const format = `${phase.padEnd(8)} {bar} {percentage} %  {eta_formatted}`;
    bar = new SingleBar({ stream, format, hideCursor: true }, Presets.shades_classic);
    bar.start(total, 0);
    return bar;
  };
  return {
    show(phase, done, total) {
      if (stream.isTTY !== true) return;
      (bar === null || current !== phase ? start(phase, total) : bar).update(done);
    },
    stop,
  };
}
