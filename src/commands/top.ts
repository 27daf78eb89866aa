import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '@oclif/core';
import { socketPath } from '../adapters/paths/paths.js';
import { SemanticError } from '../core/domain/errors.js';
import { DaemonCommand } from './daemon-command.js';
import { isLively } from './lively.js';
import { palette } from './palette.js';
import type { Source } from './top/snapshot.js';

const SHORTEST_SECONDS = 0.1;
const LONGEST_SECONDS = 3600;

export default class Top extends DaemonCommand {
  static override summary = 'Watch the daemon: queue, batch, speed, latency, KV memory, and every request and agent.';
  static override description = [
    'On a terminal a live view; q leaves. The keys t, k, a and n sort by tokens/s, KV, age and name, again turns the order round; arrows choose, enter opens.',
    'Elsewhere, and with --count, a line per interval; with --json an object per line. A daemon that goes away is waited for on a terminal, and ends the others with 7.',
  ].join('\n\n');
  static override examples = [
    '<%= config.bin %> top',
    '<%= config.bin %> top --interval 5 >> top.log',
    '<%= config.bin %> top --json --count 1',
  ];
  static override flags = {
    interval: Flags.string({ char: 'i', default: '1', description: 'Time between two looks at it', helpValue: 'seconds' }),
    count: Flags.integer({ char: 'n', min: 1, description: 'End after so many lines', helpValue: 'n' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Top);
    const intervalMs = milliseconds(flags.interval);
    const { server, client } = await this.settings({ 'server.socket': flags.socket });
    const { AdminClient } = await import('../client/admin-client.js');
    const { daemonSource } = await import('./top/snapshot.js');
    const admin = new AdminClient(socketPath(server.socket), client.connect_timeout_ms);
    try {
      await this.ask(flags, async (agents) => {
        const source = daemonSource(admin, agents);
        if (this.jsonEnabled() || flags.count !== undefined || !isLively()) await this.#lines(source, intervalMs, flags.count ?? Infinity);
        else process.exitCode = await this.#live(source, intervalMs);
      });
    } finally {
      await admin.close();
    }
  }

  /** A line of output is an object, errors too. */
  override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json)}\n`);
  }

  async #lines(source: Source, intervalMs: number, count: number): Promise<void> {
    const { plainLine } = await import('./top/plain-line.js');
    const unread = new AbortController(); // who reads the pipe has enough
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code !== 'EPIPE') throw error;
      unread.abort();
    };
    process.stdout.on('error', onError);
    for (let i = 0; i < count && !unread.signal.aborted; i++) {
      if (i > 0) await sleep(intervalMs, undefined, { signal: unread.signal }).catch(() => undefined);
      if (unread.signal.aborted) break;
      const snapshot = await source.snapshot();
      if (this.jsonEnabled()) this.logJson(snapshot);
      else this.log(plainLine(snapshot));
    }
  }

  async #live(source: Source, intervalMs: number): Promise<number> {
    const snapshot = await source.snapshot(); // no daemon at all: said before the screen is taken
    // React's development build, which is what it is without this, keeps a record of every drawing for ever.
    process.env['NODE_ENV'] ??= 'production';
    const { showLive } = await import('./top/live.js');
    const { stdin, stdout } = process;
    return showLive({ source, snapshot, intervalMs, stdin, stdout, chalk: palette('stdout') });
  }
}

function milliseconds(seconds: string): number {
  const value = Number(seconds);
  if (seconds.trim() !== '' && value >= SHORTEST_SECONDS && value <= LONGEST_SECONDS) return value * 1000;
  throw new SemanticError('InvalidRequest', `--interval takes ${SHORTEST_SECONDS} to ${LONGEST_SECONDS} seconds, got '${seconds}'`);
}
