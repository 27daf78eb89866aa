import { Args } from '@oclif/core';
import type { AgentBody } from '../../client/agent-bodies.js';
import { DaemonCommand } from '../daemon-command.js';

export default class AgentsPin extends DaemonCommand {
  static override summary = 'Keep the KV of an agent: it is never evicted, from memory or disk.';
  static override examples = ['<%= config.bin %> agents pin research'];
  static override args = { id: Args.string({ required: true, description: 'Id of the agent' }) };

  override async run(): Promise<AgentBody> {
    const { args, flags } = await this.parse(AgentsPin);
    const agent = await this.ask(flags, (daemon) => daemon.pin(args.id, true));
    this.log(`${agent.id} is pinned`);
    return agent;
  }
}
