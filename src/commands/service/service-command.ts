import { SemanticError } from '../../core/domain/errors.js';
import { BaseCommand } from '../base-command.js';
import { stopSeconds } from '../daemon/stop-seconds.js';
import { type ServiceDefinition, serviceDefinition } from './definition.js';

/** A command about the daemon as a service of its user. */
export abstract class ServiceCommand extends BaseCommand {
  protected async definition(args: readonly string[] = []): Promise<ServiceDefinition> {
    return serviceDefinition(args, stopSeconds(await this.settings()));
  }

  /** One after the other. Throws PrerequisiteMissing where the service manager is not there or does not do it. */
  protected async manage(commands: readonly (readonly string[])[]): Promise<void> {
    const { execa } = await import('execa'); // of no use to any other command, and a hundred files
    for (const [program, ...args] of commands as readonly [string, ...string[]][]) {
      const { exitCode, stderr, shortMessage } = await execa(program, args, { reject: false, stdin: 'ignore' });
      if (exitCode === 0) continue;
      throw new SemanticError('PrerequisiteMissing', `[service] ${program} ${args.join(' ')}: ${stderr || shortMessage || 'failed'}`, {
        hint: 'A service of a user wants a session of that user with systemd or launchd; semantic serve --detach does without.',
      });
    }
  }
}
