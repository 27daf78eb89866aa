import { Flags } from '@oclif/core';
import { socketPath } from '../adapters/paths/paths.js';
import type { AdminClient } from '../client/admin-client.js';
import type { AgentClient } from '../client/agent-client.js';
import { BaseCommand } from './base-command.js';

/** A command that asks a running daemon, and has nothing to do without one. */
export abstract class DaemonCommand extends BaseCommand {
  static override baseFlags = {
    socket: Flags.string({ description: 'Path of the Unix socket the daemon listens on', helpValue: 'path' }),
  };

  protected async ask<T>(flags: { readonly socket: string | undefined }, question: (daemon: AgentClient) => Promise<T>): Promise<T> {
    const { AgentClient } = await import('../client/agent-client.js');
    return this.#with(flags, AgentClient, question);
  }

  /** As `ask`, of the daemon itself. */
  protected async administer<T>(flags: { readonly socket: string | undefined }, question: (daemon: AdminClient) => Promise<T>): Promise<T> {
    const { AdminClient } = await import('../client/admin-client.js');
    return this.#with(flags, AdminClient, question);
  }

  async #with<C extends { close(): Promise<void> }, T>(
    flags: { readonly socket: string | undefined },
    Client: new (socket: string, connectTimeoutMs: number) => C,
    question: (client: C) => Promise<T>,
  ): Promise<T> {
    const { server, client } = await this.settings({ 'server.socket': flags.socket });
    const daemon = new Client(socketPath(server.socket), client.connect_timeout_ms);
    try {
      return await question(daemon);
    } finally {
      await daemon.close();
    }
  }
}
