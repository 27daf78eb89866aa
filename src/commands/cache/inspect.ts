import { Args } from '@oclif/core';
import type { AgentClient } from '../../client/agent-client.js';
import type { BlockBody, ChainBody, OverviewBody } from '../../client/cache-bodies.js';
import { DaemonCommand } from '../daemon-command.js';
import { drawBlock, drawChain } from './draw-chain.js';
import { drawOverview } from './draw-overview.js';

export default class CacheInspect extends DaemonCommand {
  static override summary = 'Show the KV cache: tiers, blocks, bytes, hits, sharing; or the blocks of one agent, or one block.';
  static override examples = [
    '<%= config.bin %> cache inspect',
    '<%= config.bin %> cache inspect research',
    '<%= config.bin %> cache inspect 3f9a61c0',
    '<%= config.bin %> cache inspect --json',
  ];
  static override args = {
    'agent-or-block': Args.string({ description: 'Id of an agent, or the first 6 or more hex digits of a block' }),
  };

  override async run(): Promise<OverviewBody | ChainBody | BlockBody> {
    const { args, flags } = await this.parse(CacheInspect);
    const found = await this.ask(flags, (daemon) => lookUp(daemon, args['agent-or-block']));
    for (const line of draw(found)) this.log(line);
    return found;
  }
}

/** What could be both is an agent if there is one of that name. */
async function lookUp(daemon: AgentClient, what: string | undefined): Promise<OverviewBody | ChainBody | BlockBody> {
  if (what === undefined) return daemon.overview();
  const mayBeBlock = /^[0-9a-f]{6,64}$/i.test(what);
  const isBlock = mayBeBlock && !(await daemon.list()).some(({ id }) => id === what);
  return isBlock ? daemon.block(what) : daemon.chain(what);
}

function draw(found: OverviewBody | ChainBody | BlockBody): string[] {
  if (found.object === 'cache') return drawOverview(found);
  return found.object === 'cache.chain' ? drawChain(found) : drawBlock(found);
}
