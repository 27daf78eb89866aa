import { Args } from '@oclif/core';
import type { RemovedModelBody } from '../../client/model-bodies.js';
import { audited } from '../audited.js';
import { assertCanAsk, confirm, destroyFlags } from '../confirm.js';
import { formatBytes } from '../format/bytes.js';
import { ModelsCommand } from './models-command.js';

export default class ModelsRm extends ModelsCommand {
  static override summary = 'Remove a model from this machine.';
  static override description =
    'One that a daemon has in memory stays. Of one that was registered by link only the link goes. Its aliases stay, and count again when it is back.';
  static override examples = ['<%= config.bin %> models rm mine', '<%= config.bin %> models rm mine --dry-run'];
  static override args = { name: Args.string({ required: true, description: 'Id or alias of the model' }) };
  static override flags = { ...destroyFlags };

  override async run(): Promise<RemovedModelBody> {
    const { args, flags } = await this.parse(ModelsRm);
    assertCanAsk(flags);
    const { audit } = await this.settings();
    const { findInstalled } = await import('../../adapters/hub/model-library.js');
    const { assertNotResident, removeModel } = await import('../../adapters/hub/remove-model.js');
    const { modelsDirectory } = await import('../../adapters/paths/paths.js');
    const model = findInstalled(args.name);
    assertNotResident(model, [...(await this.resident(flags)).keys()]);
    const body = { id: model.id, object: 'model.removed', bytes: model.bytes, dry_run: flags['dry-run'] } as const;
    if (flags['dry-run']) {
      this.log(`${model.id} (${formatBytes(model.bytes)}) would be removed`);
      return body;
    }
    if (!flags.force) await confirm(`${model.id} (${formatBytes(model.bytes)}) is removed. Go on?`);
    const what = { action: 'model.remove', target: model.id, note: (text: string) => this.note(text) };
    await audited(audit, what, () => removeModel(model, modelsDirectory()));
    this.log(`${model.id} was removed`);
    return body;
  }
}
