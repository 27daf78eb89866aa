import { existsSync, rmSync } from 'node:fs';
import { SemanticError } from '../../core/domain/errors.js';
import { ServiceCommand } from './service-command.js';

export default class ServiceUninstall extends ServiceCommand {
  static override summary = 'Stop the service, and have it started no more.';
  static override examples = ['<%= config.bin %> service uninstall'];

  override async run(): Promise<{ readonly path: string }> {
    await this.parse(ServiceUninstall);
    const { path, disable } = await this.definition();
    if (!existsSync(path)) throw new SemanticError('InvalidRequest', `[service] there is none: ${path} is not there`);
    const stopped = await this.manage(disable).catch((error: unknown) => error);
    rmSync(path); // whatever the service manager says, it finds nothing there any more
    this.log(`removed ${path}`);
    if (stopped instanceof SemanticError) this.note(stopped.message);
    return { path };
  }
}
