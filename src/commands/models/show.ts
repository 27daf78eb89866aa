import { Args } from '@oclif/core';
import type { ModelDetailBody } from '../../client/model-bodies.js';
import { formatAgo } from '../format/ago.js';
import { formatBytes } from '../format/bytes.js';
import { formatTable } from '../format/table.js';
import { ModelsCommand } from './models-command.js';

export default class ModelsShow extends ModelsCommand {
  static override summary = 'Show a model: what it is, where it came from, its files and their hashes.';
  static override examples = ['<%= config.bin %> models show smollm2-135m-instruct', '<%= config.bin %> models show fast --json'];
  static override args = { name: Args.string({ required: true, description: 'Id or alias of the model' }) };

  override async run(): Promise<ModelDetailBody> {
    const { args, flags } = await this.parse(ModelsShow);
    const { showModel } = await import('../../adapters/hub/model-library.js');
    const { toModelDetailBody } = await import('../../client/to-model-body.js');
    const [found, resident] = await Promise.all([showModel(args.name), this.resident(flags)]);
    const model = toModelDetailBody(found, resident.get(found.id) ?? null);
    for (const [name, value] of linesOf(model)) this.log(`${name.padEnd(14)}${value}`);
    const rows = model.files.map(({ path, bytes, sha256 }) => [path, formatBytes(bytes), sha256 ?? '-']);
    for (const line of formatTable(['FILE', 'SIZE', 'SHA-256'], rows)) this.log(line);
    return model;
  }
}

function linesOf(model: ModelDetailBody): (readonly [string, string])[] {
  const lines: (readonly [string, string | null])[] = [
    ['id', model.id],
    ['title', model.title],
    ['state', model.state],
    ['aliases', model.aliases.length === 0 ? null : model.aliases.join(', ')],
    ['source', model.source],
    ['path', model.path],
    ['size', formatBytes(model.bytes)],
    ['architecture', model.architecture],
    ['weights', model.quantization],
    ['context', model.context_length === null ? null : `${model.context_length} tokens`],
    ['fingerprint', model.fingerprint],
    ['used', model.used_at === null ? null : formatAgo(model.used_at, Date.now() / 1000)],
    ['licence', model.licence],
    ['problem', model.problem],
  ];
  return lines.filter((line): line is readonly [string, string] => line[1] !== null);
}
