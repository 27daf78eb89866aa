import { Flags } from '@oclif/core';
import type { VerifiedLog } from '../../adapters/audit/verify-log.js';
import { BaseCommand } from '../base-command.js';
import { formatCount } from '../format/count.js';

export default class AuditVerify extends BaseCommand {
  static override summary = 'Say whether the audit log is as it was written; exits with 5 and names the first line that is not.';
  static override description =
    'Every line is checked against its hash and the line before it, through all files. Who can write to the files can also write them anew, hashes ' +
    'included: keep the hash that is shown somewhere else, and give it as --holds later.';
  static override examples = ['<%= config.bin %> audit verify', '<%= config.bin %> audit verify --holds 5f0c... --json'];
  static override flags = {
    holds: Flags.string({ description: 'A line with this hash must be there, as it was shown before', helpValue: 'hash' }),
  };

  override async run(): Promise<VerifiedLog> {
    const { flags } = await this.parse(AuditVerify);
    const { audit } = await this.settings();
    const { verifyLog } = await import('../../adapters/audit/verify-log.js');
    const { auditFile } = await import('../../adapters/paths/paths.js');
    const verified = await verifyLog(auditFile(audit.file), flags.holds ?? null);
    const { files, lines, hash, torn } = verified;
    this.log(`${formatCount(lines, 'line')} in ${formatCount(files.length, 'file')}, as they were written; the last one is ${hash}`);
    if (torn > 0) this.note(`A line behind it was not written to its end (${torn} bytes); the next one will say so.`);
    return verified;
  }
}
