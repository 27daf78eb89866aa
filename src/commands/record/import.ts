import { resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { formatCount } from '../format/count.js';
import { BaseCommand } from '../base-command.js';

export default class RecordImport extends BaseCommand {
  static override summary = 'Read what others recorded into a recording: a HAR file, or JSON files with a request each.';
  static override description =
    'Of a folder all .json and .har files are read; each folder in it is a session of its own. Requests that no dialect knows are passed over.';
  static override examples = [
    '<%= config.bin %> record import traffic.har --out ./traffic',
    '<%= config.bin %> record import ./requests --out ./clients --json',
  ];
  static override args = { from: Args.string({ required: true, description: 'A HAR file, a JSON file, or a folder of such' }) };
  static override flags = {
    out: Flags.string({ char: 'o', required: true, description: 'A new or empty folder', helpValue: 'folder' }),
    redact: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Replace what this matches in bodies',
      helpValue: 'regex',
    }),
  };

  override async run(): Promise<object> {
    const { args, flags } = await this.parse(RecordImport);
    const { importRecording } = await import('../../adapters/recordings/import/import-recording.js');
    const { recording } = await this.settings();
    const redact = [...recording.redact, ...(flags.redact ?? [])];
    const imported = await importRecording({ from: args.from, to: resolve(flags.out), version: this.config.version, redact });
    const { directory, exchanges, skipped } = imported;
    const passed = skipped === 0 ? '' : `; ${formatCount(skipped, 'request')} of no dialect passed over`;
    this.log(`${formatCount(exchanges, 'exchange')} in ${directory}${passed}`);
    return { directory, exchanges, skipped, bytes: imported.bytes };
  }
}
