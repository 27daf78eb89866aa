import { BaseCommand } from '../base-command.js';

export default class ConfigSchema extends BaseCommand {
  static override summary = 'Print the JSON Schema of config.toml, for editors and for checks before a rollout.';
  static override examples = ['<%= config.bin %> config schema > semantic.schema.json'];

  override async run(): Promise<object> {
    await this.parse(ConfigSchema);
    const { userConfigSchema } = await import('../../adapters/config/user-schema.js');
    const schema = userConfigSchema();
    if (!this.jsonEnabled()) this.log(JSON.stringify(schema, null, 2));
    return schema;
  }
}
