import { Flags } from '@oclif/core';
import { serveLogFile } from '../adapters/paths/paths.js';
import { SemanticError } from '../core/domain/errors.js';
import { BaseCommand } from './base-command.js';

export default class Logs extends BaseCommand {
  static override summary = 'Show the log of the daemon in the background: for people on a terminal, else as its JSON lines.';
  static override examples = ['<%= config.bin %> logs', '<%= config.bin %> logs -f', '<%= config.bin %> logs -n 1000 --json | jq .msg'];
  static override flags = {
    follow: Flags.boolean({ char: 'f', description: 'Go on with what is written from now on, until Ctrl-C' }),
    lines: Flags.integer({ char: 'n', description: 'Lines from its end', helpValue: 'n', default: 100, min: 0 }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Logs);
    const { log } = await this.settings();
    const { readLog } = await import('./daemon/read-log.js');
    const file = serveLogFile(log.file);
    const isPretty = process.stdout.isTTY && !this.jsonEnabled();
    try {
      await readLog(file, { lines: flags.lines, isFollowing: flags.follow, write: await writer(isPretty) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new SemanticError('InvalidRequest', `[logs] there is no log at ${file}`, {
        hint: 'A daemon started with semantic serve --detach writes one; one in a terminal or a service writes to stderr.',
        cause: error,
      });
    }
  }
}

async function writer(isPretty: boolean): Promise<(line: string) => void> {
  if (!isPretty) return (line) => void process.stdout.write(`${line}\n`);
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({ colorize: true, ignore: 'pid,hostname' });
  return (line) => void process.stdout.write(pretty(line));
}
