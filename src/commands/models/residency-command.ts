import { socketPath } from '../../adapters/paths/paths.js';
import type { ResidencyClient } from '../../client/residency-client.js';
import { DaemonCommand } from '../daemon-command.js';

/** A command about the models in a running daemon's memory. */
export abstract class ResidencyCommand extends DaemonCommand {
  protected async askModels<T>(
    flags: { readonly socket: string | undefined },
    question: (models: ResidencyClient) => Promise<T>,
  ): Promise<T> {
    const { server, client } = await this.settings({ 'server.socket': flags.socket });
    const { ResidencyClient } = await import('../../client/residency-client.js');
    const models = new ResidencyClient(socketPath(server.socket), client.connect_timeout_ms);
    try {
      return await question(models);
    } finally {
      await models.close();
    }
  }
}
