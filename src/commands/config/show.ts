import { Args, Flags } from '@oclif/core';
import type { Setting } from '../../adapters/config/settings.js';
import { SECRET_SETTINGS } from '../../adapters/secrets/secret-names.js';
import { SemanticError } from '../../core/domain/errors.js';
import { BaseCommand } from '../base-command.js';

export default class ConfigShow extends BaseCommand {
  static override summary = 'Show every setting as it is in force here, or those of a section, or one.';
  static override examples = [
    '<%= config.bin %> config show',
    '<%= config.bin %> config show server --origin',
    '<%= config.bin %> config show --changed',
    '<%= config.bin %> config show server.port',
  ];
  static override args = {
    what: Args.string({ description: 'A key such as server.port, or a section' }),
  };
  static override flags = {
    origin: Flags.boolean({ description: 'Say who set it: a file, a variable' }),
    changed: Flags.boolean({ description: 'Only what is not as default.toml has it' }),
  };

  override async run(): Promise<{ readonly settings: readonly Setting[] }> {
    const { args, flags } = await this.parse(ConfigShow);
    const { readConfig } = await import('../../adapters/config/load-config.js');
    const all = readConfig(this.sources()).settings.map(masked);
    const settings = chosen(all, args.what).filter(({ source }) => !flags.changed || !source.endsWith('default.toml'));
    if (settings.length === 1 && settings[0]!.key === args.what && !flags.origin) this.log(spelled(settings[0]!.value));
    else for (const { key, value, source } of settings) this.log(`${key} = ${spelled(value)}${flags.origin ? `  # ${source}` : ''}`);
    return { settings };
  }
}

/** Whoever looks on has no need of it. */
function masked(setting: Setting): Setting {
  return SECRET_SETTINGS.has(setting.key) && setting.value !== '' ? { ...setting, value: '(set)' } : setting;
}

function chosen(all: readonly Setting[], what: string | undefined): readonly Setting[] {
  if (what === undefined) return all;
  const found = all.filter(({ key }) => key === what || key.startsWith(`${what}.`));
  if (found.length > 0) return found;
  throw new SemanticError('ConfigInvalid', `[config] there is no key or section ${what}`, {
    param: what,
    hint: 'semantic config show lists them; docs/configuration.md says what they mean.',
  });
}

/** As TOML has it. */
function spelled(value: unknown): string {
  return JSON.stringify(value);
}
