import type { VerifyReportBody } from '../../client/cache-bodies.js';
import { ERROR_TABLE } from '../../core/domain/errors.js';
import { DaemonCommand } from '../daemon-command.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';

export default class CacheVerify extends DaemonCommand {
  static override summary = 'Read every block on disk and check it; what is damaged is put aside and prefilled again when needed.';
  static override description = `Exit code ${ERROR_TABLE.CacheCorruption.exit} when something was damaged.`;
  static override examples = ['<%= config.bin %> cache verify', '<%= config.bin %> cache verify --json'];

  override async run(): Promise<VerifyReportBody> {
    const { flags } = await this.parse(CacheVerify);
    const { progressBar } = await import('../progress-bar.js');
    const bar = progressBar(process.stderr);
    try {
      const report = await this.ask(flags, (daemon) => daemon.verify((done, total) => bar.show('verify', done, total)));
      bar.stop();
      const { blocks, images, bytes, damaged } = report;
      const found = damaged.length === 0 ? 'all whole' : `${damaged.length} damaged`;
      this.log(`${formatCount(blocks, 'block')}, ${formatCount(images, 'image')}, ${formatBytes(bytes)}: ${found}`);
      for (const { hash, kind, extent, reason } of damaged) this.log(`  ${hash} kind ${kind} in ${extent}: ${reason}`);
      if (damaged.length > 0) process.exitCode = ERROR_TABLE.CacheCorruption.exit;
      return report;
    } finally {
      bar.stop();
    }
  }
}
