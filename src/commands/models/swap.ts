import { Args, Flags } from '@oclif/core';
import type { SwapBody } from '../../client/residency-bodies.js';
import { ERROR_TABLE, SemanticError } from '../../core/domain/errors.js';
import { ResidencyCommand } from './residency-command.js';

/** On the way to `done`. */
const STEPS = ['preparing', 'draining', 'persisting', 'unloading', 'loading', 'resuming', 'done'] as const;

export default class ModelsSwap extends ResidencyCommand {
  static override summary = 'Exchange the model a running daemon answers with for another one; its agents stay.';
  static override description = `Running answers may end first, requests that come meanwhile wait. When the new model cannot be loaded the old one comes back: exit code ${ERROR_TABLE.ModelSwap.exit}.`;
  static override examples = ['<%= config.bin %> models swap qwen3-8b', '<%= config.bin %> models swap qwen3-8b --drain-seconds 5 --json'];
  static override args = { model: Args.string({ required: true, description: 'Name or alias of an installed model' }) };
  static override flags = {
    'drain-seconds': Flags.integer({
      min: 0,
      helpValue: 'seconds',
      description: 'How long running answers may take to end; models.drain_seconds without it',
    }),
  };

  override async run(): Promise<SwapBody> {
    const { args, flags } = await this.parse(ModelsSwap);
    const { progressBar } = await import('../progress-bar.js');
    const bar = progressBar(process.stderr);
    const show = ({ state }: SwapBody): void => {
      const step = (STEPS as readonly string[]).indexOf(state);
      if (step >= 0) bar.show('swap', step, STEPS.length - 1);
    };
    try {
      const report = await this.askModels(flags, (models) => models.swap(args.model, flags['drain-seconds'] ?? null, show));
      bar.stop();
      if (report.state !== 'done') throw failed(report);
      const cut = report.cut === 0 ? '' : `, ${report.cut} answers were cut`;
      this.log(`${report.to} answers now, after ${(report.ms / 1000).toFixed(1)} s${cut}`);
      return report;
    } finally {
      bar.stop();
    }
  }
}

function failed({ from, to, state, error }: SwapBody): SemanticError {
  const after = state === 'rolled_back' ? `${from} answers as before` : 'no model is in memory';
  const hint = state === 'failed' ? { hint: 'Run: semantic models load <model>' } : {};
  return new SemanticError('ModelSwap', `[models.swap] ${to} could not be loaded, ${after}: ${error}`, hint);
}
