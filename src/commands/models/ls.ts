import type { ModelBody } from '../../client/model-bodies.js';
import { formatAgo } from '../format/ago.js';
import { formatBytes } from '../format/bytes.js';
import { formatTable } from '../format/table.js';
import { ModelsCommand } from './models-command.js';

export default class ModelsLs extends ModelsCommand {
  static override summary = 'List the models that are installed, which of them a daemon has in memory, and those that can be pulled.';
  static override description = 'Only headers are read. The fingerprint is that of its KV, from when it was last loaded.';
  static override examples = ['<%= config.bin %> models ls', '<%= config.bin %> models ls --json'];

  override async run(): Promise<{ readonly models: readonly ModelBody[] }> {
    const { flags } = await this.parse(ModelsLs);
    const { listModels } = await import('../../adapters/hub/model-library.js');
    const { toModelBody } = await import('../../client/to-model-body.js');
    const [library, resident] = await Promise.all([listModels(), this.resident(flags)]);
    const models = library.map((model) => toModelBody(model, resident.get(model.id) ?? null));
    for (const line of formatTable(HEAD, models.map(rowOf))) this.log(line);
    for (const { id, problem } of models) if (problem !== null) this.note(`${id} cannot be loaded: ${problem}`);
    return { models };
  }
}

const HEAD = ['MODEL', 'STATE', 'SIZE', 'ARCHITECTURE', 'WEIGHTS', 'CONTEXT', 'USED', 'FINGERPRINT'];
const FINGERPRINT_DIGITS = 12;

function rowOf(model: ModelBody): string[] {
  return [
    model.id,
    model.state,
    formatBytes(model.bytes),
    model.architecture ?? '-',
    model.quantization ?? '-',
    String(model.context_length ?? '-'),
    model.used_at === null ? '-' : formatAgo(model.used_at, Date.now() / 1000),
    model.fingerprint?.slice(0, FINGERPRINT_DIGITS) ?? '-',
  ];
}
