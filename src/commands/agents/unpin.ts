import { Args } from '@oclif/core';
import type { AgentBody } from '../../client/agent-bodies.js';
import { DaemonCommand } from '../daemon-command.js';

export default class AgentsUnpin extends DaemonCommand {
  static override summary = 'Let the KV of an agent be evicted again when others need the room.';
  static override examples = ['<%= config.bin %> agents unpin research'];
  static override args = { id: Args.string({ required: true, description: 'Id of the agent' }) };

  override async run(): Promise<AgentBody> {
    const { args, flags } = await this.parse(AgentsUnpin);
    const agent = await this.ask(flags, (daemon) => daemon.pin(args.id, false));
    this.log(`${agent.id} is not pinned`);
    return agent;
  }
}
