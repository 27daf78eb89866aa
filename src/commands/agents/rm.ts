import { Args, Flags } from '@oclif/core';
import type { RemovedAgentBody } from '../../client/agent-bodies.js';
import { assertCanAsk, confirm, destroyFlags } from '../confirm.js';
import { DaemonCommand } from '../daemon-command.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';

export default class AgentsRm extends DaemonCommand {
  static override summary = 'Remove an agent; its children stay.';
  static override description =
    'Its KV stays in the cache until the room is needed, so that the same conversation is fast again. With --purge it leaves memory and disk, ' +
    'but for blocks that others use, and that is verified.';
  static override examples = [
    '<%= config.bin %> agents rm research',
    '<%= config.bin %> agents rm research --purge --dry-run',
    '<%= config.bin %> agents rm research --purge --force --json',
  ];
  static override args = { id: Args.string({ required: true, description: 'Id of the agent' }) };
  static override flags = { ...destroyFlags, purge: Flags.boolean({ default: false, description: 'Remove its KV from the disk too' }) };

  override async run(): Promise<RemovedAgentBody> {
    const { args, flags } = await this.parse(AgentsRm);
    assertCanAsk(flags);
    const { purge } = flags;
    return this.ask(flags, async (daemon) => {
      if (!flags.force) {
        const would = await daemon.remove(args.id, { purge, dryRun: true });
        if (flags['dry-run']) {
          this.log(`${args.id} would be removed${purge ? `, and ${blocks(would)} with it` : ''}`);
          return would;
        }
        await confirm(`${args.id} is removed${purge ? `, and ${blocks(would)} with it` : ''}. Go on?`);
      }
      const removed = await daemon.remove(args.id, { purge, dryRun: false });
      this.log(`${args.id} was removed${purge ? `, and ${blocks(removed)} with it` : ''}`);
      return removed;
    });
  }
}

function blocks({ blocks: count, bytes }: RemovedAgentBody): string {
  return `${formatCount(count, 'block')} on disk (${formatBytes(bytes)}) that no one else uses`;
}
