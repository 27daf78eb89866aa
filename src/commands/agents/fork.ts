import { Args } from '@oclif/core';
import type { AgentBody } from '../../client/agent-bodies.js';
import { DaemonCommand } from '../daemon-command.js';

export default class AgentsFork extends DaemonCommand {
  static override summary = 'Make a child that goes on from where an agent is now; they share its KV, nothing is copied.';
  static override examples = ['<%= config.bin %> agents fork research', '<%= config.bin %> agents fork research research-2'];
  static override args = {
    id: Args.string({ required: true, description: 'Id of the agent' }),
    child: Args.string({ description: 'Id of the child; one is made up without it' }),
  };

  override async run(): Promise<AgentBody> {
    const { args, flags } = await this.parse(AgentsFork);
    const child = await this.ask(flags, (daemon) => daemon.fork(args.id, args.child === undefined ? {} : { id: args.child }));
    this.log(child.id);
    return child;
  }
}
