import { Args, Flags } from '@oclif/core';
import { DaemonCommand } from '../daemon-command.js';
import { formatBytes } from '../format/bytes.js';

export interface ExportedAgent {
  readonly id: string;
  readonly file: string;
  readonly bytes: number;
}

export default class AgentsExport extends DaemonCommand {
  static override summary = 'Write an agent, its conversation and its KV, to one file.';
  static override description = 'The file appears when it is whole, readable by its owner alone. It holds the whole conversation.';
  static override examples = [
    '<%= config.bin %> agents export research research.agent',
    '<%= config.bin %> agents export research research.agent --force',
  ];
  static override args = {
    id: Args.string({ required: true, description: 'Id of the agent' }),
    file: Args.string({ required: true, description: 'File to write' }),
  };
  static override flags = { force: Flags.boolean({ char: 'f', default: false, description: 'Overwrite the file' }) };

  override async run(): Promise<ExportedAgent> {
    const { args, flags } = await this.parse(AgentsExport);
    const bytes = await this.ask(flags, (daemon) => daemon.exportTo(args.id, args.file, { overwrite: flags.force }));
    this.log(args.file);
    this.note(`${args.id} is in it, ${formatBytes(bytes)}.`);
    return { id: args.id, file: args.file, bytes };
  }
}
