import { ERROR_TABLE } from '../core/domain/errors.js';
import { BaseCommand } from './base-command.js';
import type { Check } from './doctor/check.js';
import { palette } from './palette.js';

export default class Doctor extends BaseCommand {
  static override summary = 'Say what is missing on this machine, and how to fix it.';
  static override description = `Exit code ${ERROR_TABLE.PrerequisiteMissing.exit} when something is missing.`;
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --json'];

  override async run(): Promise<{ readonly ok: boolean; readonly checks: readonly Check[] }> {
    await this.parse(Doctor);
    const settings = await this.settings();
    const tools = await import('./doctor/check-tools.js');
    const engine = await import('./doctor/check-engine.js');
    const { findAddon } = await import('../adapters/paths/find-addon.js');
    const place = await import('./doctor/check-place.js');
    const checks = [
      tools.checkNode(),
      await tools.checkPip(),
      ...(findAddon().isBuiltHere ? [await tools.checkCmake(), await tools.checkCompiler()] : []),
      engine.checkMlx(),
      await engine.checkAddon(),
      place.checkModel(settings),
      await place.checkDisk(),
      await place.checkDaemon(settings),
    ];
    const colours = palette('stdout');
    const paint = { ok: colours.green, missing: colours.red, note: colours.dim };
    const ok = checks.every(({ state }) => state !== 'missing');
    for (const { name, state, detail, fix } of checks) {
      this.log(`${paint[state](state.padEnd(8))} ${name.padEnd(15)} ${detail}`);
      if (fix !== null) this.log(`${' '.repeat(25)}${fix}`);
    }
    if (!ok) process.exitCode = ERROR_TABLE.PrerequisiteMissing.exit;
    return { ok, checks };
  }
}
