import type { ChalkInstance } from 'chalk';
import type { Line } from './line.js';

/** Plain text where there are no colours: nothing is said by colour alone. */
export function paint({ text, look }: Line, chalk: ChalkInstance): string {
  switch (look) {
    case 'title':
      return chalk.bold(text);
    case 'head':
      return chalk.dim.underline(text);
    case 'chosen':
      return chalk.inverse(text);
    case 'busy':
      return chalk.green(text);
    case 'waiting':
      return chalk.yellow(text);
    case 'quiet':
      return chalk.dim(text);
    case 'alarm':
      return chalk.red(text);
    case 'plain':
      return text;
  }
}
