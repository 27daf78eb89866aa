import { Args, Flags } from '@oclif/core';
import { socketPath } from '../adapters/paths/paths.js';
import { SemanticError } from '../core/domain/errors.js';
import { BaseCommand } from './base-command.js';
import type { Client, ClientSettings } from './launch/client.js';

export interface LaunchSettings extends ClientSettings {
  readonly program: string;
}

/** Where a daemon wants no key: the same for all clients, so that they share what they have in common. */
const ANY_KEY = 'local';

export default class Launch extends BaseCommand {
  static override summary = "Start somebody else's client so that it uses this daemon; nothing of its own configuration is changed.";
  static override description =
    'Sets variables and arguments for one process, and starts it in the foreground: its exit code is the exit code. ' +
    'What follows -- is for the client. With --print nothing is started: the settings come as a shell script, or with --json as an object.';
  static override usage = 'launch CLIENT [--print | --serve] [--socket path] [--json] [-- ARGS...]';
  static override examples = [
    '<%= config.bin %> launch claude',
    '<%= config.bin %> launch codex -- exec "Say hello."',
    '<%= config.bin %> launch opencode --serve',
    '<%= config.bin %> launch pi --print',
  ];
  static override args = {
    client: Args.string({ required: true, description: 'Which one', options: ['claude', 'codex', 'opencode', 'pi'] }),
  };
  static override strict = false;
  static override flags = {
    print: Flags.boolean({ description: 'Say what would be set, and start nothing' }),
    serve: Flags.boolean({ description: 'Where no daemon runs, start one for as long as the client runs', exclusive: ['print'] }),
    socket: Flags.string({ description: 'Path of the Unix socket the daemon listens on', helpValue: 'path' }),
  };

  override async run(): Promise<LaunchSettings | undefined> {
    const { args, argv, flags } = await this.parse(Launch);
    if (this.jsonEnabled() && !flags.print) {
      throw new SemanticError('InvalidRequest', '--json needs --print: what a client writes is its own', {
        hint: "The client's own flags go behind --.",
      });
    }
    const { CLIENTS } = await import('./launch/clients.js');
    const client = CLIENTS[args.client as keyof typeof CLIENTS];
    const settings = await this.settings({ 'server.socket': flags.socket });
    const apiKey = settings.client.api_key === '' ? ANY_KEY : settings.client.api_key;
    const rest = argv.slice(1).map(String);
    const prepared = async (): Promise<ClientSettings> => {
      const { findDaemon } = await import('../client/find-daemon.js');
      const found = await findDaemon(socketPath(settings.server.socket), settings.client.connect_timeout_ms, apiKey);
      const own = client.settings({ ...found, apiKey }, process.env);
      return { ...own, args: [...own.args, ...rest] };
    };
    if (flags.print) {
      const { toShell } = await import('./launch/to-shell.js');
      const ready = await prepared();
      this.log(toShell(client.title, client.program, ready));
      return { program: client.program, ...ready };
    }
    const program = await installed(client);
    const { withDaemon } = await import('./launch/with-daemon.js');
    const { runClient } = await import('./launch/run-client.js');
    const serve = flags.serve
      ? { args: flags.socket === undefined ? [] : ['--socket', flags.socket], note: (text: string) => this.note(text) }
      : null;
    process.exitCode = await withDaemon(serve, prepared, (ready) => runClient(program, ready));
    return undefined;
  }
}

async function installed({ title, program, install }: Client): Promise<string> {
  const { findProgram } = await import('./launch/find-program.js');
  const path = findProgram(program, process.env['PATH']);
  if (path !== null) return path;
  throw new SemanticError('PrerequisiteMissing', `[launch] ${title} is not installed: there is no ${program} on PATH`, {
    hint: `Install it with: ${install}`,
  });
}
