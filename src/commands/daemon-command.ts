import { Flags } from '@oclif/core';
import { socketPath } from '../adapters/paths/paths.js';
import type { AgentClient } from '../client/agent-client.js';
import { BaseCommand } from './base-command.js';

/** A command that asks a running daemon, and has nothing to do without one. */
export abstract class DaemonCommand extends BaseCommand {
  static override baseFlags = {
    socket: Flags.string({ description: 'Path of the Unix socket the daemon listens on', helpValue: 'path' }),
  };

  protected async ask<T>(flags: { readonly socket: string | undefined }, question: (daemon: AgentClient) => Promise<T>): Promise<T> {
    const { server, client } = await this.settings({ 'server.socket': flags.socket });
    const { AgentClient } = await import('../client/agent-client.js');
    const daemon = new AgentClient(socketPath(server.socket), client.connect_timeout_ms);
    try {
      return await question(daemon);
    } finally {
      await daemon.close();
    }
  }
}
