import { Args, Flags } from '@oclif/core';
import type { AgentBody } from '../../client/agent-bodies.js';
import { DaemonCommand } from '../daemon-command.js';

export default class AgentsImport extends DaemonCommand {
  static override summary = 'Take in an agent from a file that `agents export` wrote.';
  static override description = 'Refused, with the reason, when its KV is of another model, tokenizer, template or format.';
  static override examples = [
    '<%= config.bin %> agents import research.agent',
    '<%= config.bin %> agents import research.agent --id research-2',
  ];
  static override args = { file: Args.string({ required: true, description: 'File to read' }) };
  static override flags = { id: Flags.string({ description: 'Another id than the one in the file', helpValue: 'id' }) };

  override async run(): Promise<AgentBody> {
    const { args, flags } = await this.parse(AgentsImport);
    const agent = await this.ask(flags, (daemon) => daemon.importFrom(args.file, flags.id ?? null));
    this.log(agent.id);
    return agent;
  }
}
