import { Flags } from '@oclif/core';
import type { AuditRecord } from '../../adapters/audit/sealed-line.js';
import { BaseCommand } from '../base-command.js';
import { parseSince } from '../format/since.js';
import { formatTable } from '../format/table.js';

export default class AuditLs extends BaseCommand {
  static override summary = 'List what administrators and API keys did, the last things last.';
  static override description =
    'It is read from the files of the log; no daemon needs to run. `semantic audit verify` says whether they are as they were written.';
  static override examples = [
    '<%= config.bin %> audit ls',
    '<%= config.bin %> audit ls --since 2h --limit 1000',
    "<%= config.bin %> audit ls --since 2026-01-31 --json | jq '.records[].action'",
  ];
  static override flags = {
    since: Flags.string({ description: 'A date, a time, or how long ago: 30m, 2h, 7d', helpValue: 'time' }),
    limit: Flags.integer({ char: 'n', description: 'At most so many, the last ones', helpValue: 'n', default: 100, min: 1 }),
  };

  override async run(): Promise<{ readonly records: readonly AuditRecord[]; readonly unreadable: number }> {
    const { flags } = await this.parse(AuditLs);
    const since = flags.since === undefined ? 0 : parseSince(flags.since, Date.now());
    const { audit } = await this.settings();
    const { listRecords } = await import('../../adapters/audit/list-records.js');
    const { auditFile } = await import('../../adapters/paths/paths.js');
    const listed = await listRecords(auditFile(audit.file), { since, limit: flags.limit });
    if (listed.records.length === 0) this.note('There is nothing.');
    else for (const line of formatTable(['TIME', 'WHO', 'WHAT', 'TO', 'OUTCOME'], listed.records.map(row))) this.log(line);
    if (listed.unreadable > 0) this.note(`Lines that cannot be read: ${listed.unreadable}. See semantic audit verify.`);
    return listed;
  }
}

function row({ time, actor, action, target, outcome, detail }: AuditRecord): string[] {
  const more = Object.entries(detail ?? {}).map(([name, value]) => `${name}=${value}`);
  return [time, actor, action, shown([target ?? '', ...more].join(' ').trim()), outcome];
}

const SHOWN_CHARACTERS = 80;

/** Clients choose targets: nothing of one moves a terminal's cursor. */
function shown(text: string): string {
  const plain = text.replaceAll(/\p{C}/gu, '?');
  return plain.length <= SHOWN_CHARACTERS ? plain : `${plain.slice(0, SHOWN_CHARACTERS)}...`;
}
