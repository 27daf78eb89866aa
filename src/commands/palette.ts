import { Chalk, type ChalkInstance, supportsColor, supportsColorStderr } from 'chalk';

/** Colours for a terminal that has them and a user who wants them (NO_COLOR says no), else plain text. */
export function palette(stream: 'stdout' | 'stderr'): ChalkInstance {
  const wanted = (process.env['NO_COLOR'] ?? '') === '';
  const support = stream === 'stdout' ? supportsColor : supportsColorStderr;
  return new Chalk({ level: wanted && support !== false ? support.level : 0 });
}
