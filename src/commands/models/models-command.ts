import { existsSync } from 'node:fs';
import { Flags } from '@oclif/core';
import { socketPath } from '../../adapters/paths/paths.js';
import type { ResidentUse } from '../../client/to-model-body.js';
import { BaseCommand } from '../base-command.js';

/** A command on the models of this machine: it asks a daemon, where one runs, what it has in memory, and does without one. */
export abstract class ModelsCommand extends BaseCommand {
  static override baseFlags = {
    socket: Flags.string({ description: 'Path of the Unix socket a daemon listens on', helpValue: 'path' }),
  };

  /** By id. */
  protected async resident(flags: { readonly socket: string | undefined }): Promise<ReadonlyMap<string, ResidentUse>> {
    const { server, client } = await this.settings({ 'server.socket': flags.socket });
    const socket = socketPath(server.socket);
    if (!existsSync(socket)) return new Map(); // a client takes longer to load than all the rest
    const { residentModels } = await import('../../client/resident-models.js');
    return residentModels(socket, client.connect_timeout_ms);
  }
}
