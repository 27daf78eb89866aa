import { Args, Flags } from '@oclif/core';
import type { EvictedBody } from '../../client/cache-bodies.js';
import { assertCanAsk, confirm, destroyFlags } from '../confirm.js';
import { DaemonCommand } from '../daemon-command.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';

export default class CacheEvict extends DaemonCommand {
  static override summary = 'Let KV go from memory: of one agent, or all that is not in use.';
  static override description =
    'To disk: what is not there yet is written first, and comes back when it is needed. To none: what is not on disk is prefilled again, so this asks.';
  static override examples = [
    '<%= config.bin %> cache evict',
    '<%= config.bin %> cache evict research --to disk',
    '<%= config.bin %> cache evict --to none --dry-run',
  ];
  static override args = { agent: Args.string({ description: 'Id of the agent; without it all that is not in use' }) };
  static override flags = {
    ...destroyFlags,
    to: Flags.option({ description: 'Where to', options: ['disk', 'none'] as const, default: 'disk' })(),
  };

  override async run(): Promise<EvictedBody> {
    const { args, flags } = await this.parse(CacheEvict);
    const what = { agent: args.agent ?? null, to: flags.to };
    const asks = flags.to === 'none' && !flags.force;
    if (asks) assertCanAsk(flags);
    return this.ask(flags, async (daemon) => {
      if (asks || flags['dry-run']) {
        const would = await daemon.evict({ ...what, dryRun: true });
        if (flags['dry-run']) {
          this.log(`would let go of ${amount(would)}`);
          return would;
        }
        await confirm(`${amount(would)} are let go, without a copy on disk. Go on?`);
      }
      const evicted = await daemon.evict({ ...what, dryRun: false });
      this.log(`let go of ${amount(evicted)}; ${formatBytes(evicted.written_bytes)} were written to disk first`);
      return evicted;
    });
  }
}

function amount({ sequences, bytes }: EvictedBody): string {
  return `${formatCount(sequences, 'sequence')}, ${formatBytes(bytes)}`;
}
