import { BaseCommand } from '../base-command.js';

export interface ModelRow {
  readonly name: string;
  readonly installed: boolean;
  readonly bytes: number;
  readonly title: string | null;
  readonly licence: string | null;
  readonly path: string | null;
}

export default class ModelsLs extends BaseCommand {
  static override summary = 'List the models that are installed, and those that can be pulled.';
  static override examples = ['<%= config.bin %> models ls', '<%= config.bin %> models ls --json'];

  override async run(): Promise<{ readonly models: readonly ModelRow[] }> {
    await this.parse(ModelsLs);
    const { readCatalogue } = await import('../../adapters/hub/catalogue.js');
    const { installedModels } = await import('../../adapters/hub/locate-model.js');
    const catalogue = new Map(readCatalogue().map((model) => [model.name, model]));
    const installed = new Map(installedModels().map((model) => [model.id, model]));
    const names = [...new Set([...installed.keys(), ...catalogue.keys()])].toSorted();
    const models = names.map((name): ModelRow => {
      const [known, here] = [catalogue.get(name), installed.get(name)];
      return {
        name,
        installed: here !== undefined,
        bytes: here?.bytes ?? known?.bytes ?? 0,
        title: known?.title ?? null,
        licence: known?.licence ?? null,
        path: here?.path ?? null,
      };
    });
    for (const row of models) this.log(line(row));
    return { models };
  }
}

function line({ name, installed, bytes, title }: ModelRow): string {
  const state = installed ? 'installed' : 'not installed';
  return `${name.padEnd(28)} ${state.padEnd(14)} ${`${Math.round(bytes / 1e6)} MB`.padStart(9)}  ${title ?? ''}`.trimEnd();
}
