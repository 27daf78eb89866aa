import { existsSync } from 'node:fs';
import { SemanticError } from '../../core/domain/errors.js';
import { ServiceCommand } from './service-command.js';

export default class ServiceStatus extends ServiceCommand {
  static override summary = 'Say what the service manager knows of the service; exits with 7 where there is none, or it does not run.';
  static override examples = ['<%= config.bin %> service status'];

  override async run(): Promise<{ readonly path: string; readonly said: string }> {
    await this.parse(ServiceStatus);
    const { path, status } = await this.definition();
    if (!existsSync(path))
      throw new SemanticError('DaemonUnreachable', `[service] there is none: ${path} is not there`, {
        hint: 'semantic service install makes one.',
      });
    const [program, ...args] = status as readonly [string, ...string[]];
    const { execa } = await import('execa');
    const { exitCode, stdout, stderr, shortMessage } = await execa(program, args, { reject: false, stdin: 'ignore' });
    if (stdout !== undefined && stdout !== '') this.log(stdout);
    if (exitCode !== 0) throw new SemanticError('DaemonUnreachable', `[service] it does not run: ${stderr || shortMessage || 'see above'}`);
    return { path, said: stdout };
  }
}
