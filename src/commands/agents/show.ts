import { Args } from '@oclif/core';
import type { AgentDetailBody } from '../../client/agent-bodies.js';
import { DaemonCommand } from '../daemon-command.js';
import { describeAgent } from './describe-agent.js';

export default class AgentsShow extends DaemonCommand {
  static override summary = 'Show all there is to know about an agent, and why its last prompt was read again, if it was.';
  static override examples = ['<%= config.bin %> agents show research', '<%= config.bin %> agents show research --json'];
  static override args = { id: Args.string({ required: true, description: 'Id of the agent' }) };

  override async run(): Promise<AgentDetailBody> {
    const { args, flags } = await this.parse(AgentsShow);
    const agent = await this.ask(flags, (daemon) => daemon.show(args.id));
    for (const line of describeAgent(agent, Date.now() / 1000)) this.log(line);
    return agent;
  }
}
