/** The two ways of every command: a daemon that answers on its socket, else the engine in this process. */
import type { Config } from '../../adapters/config/schema.js';
import { socketPath } from '../../adapters/paths/paths.js';
import type { TextGenerator } from '../../core/domain/request.js';

export interface GeneratorSource {
  readonly generator: TextGenerator;
  readonly model: string;
  readonly via: 'daemon' | 'process';
  close(): Promise<void>;
}

export interface GeneratorChoice {
  readonly inProcess: boolean;
  /** Asked for by name: a daemon that serves another model is passed by. */
  readonly model: string | undefined;
}

export async function openGenerator(settings: Config, choice: GeneratorChoice): Promise<GeneratorSource> {
  if (!choice.inProcess) {
    const { DaemonClient } = await import('../../client/daemon-client.js');
    const client = await DaemonClient.connect(socketPath(settings.server.socket), settings.client.connect_timeout_ms);
    if (client !== null && (choice.model === undefined || choice.model === client.model.id)) {
      return { generator: client, model: client.model.id, via: 'daemon', close: () => client.close() };
    }
    await client?.close();
  }
  const { openEngine } = await import('../../server/open-engine.js');
  const opened = await openEngine(settings);
  return { generator: opened.engine, model: opened.engine.model.id, via: 'process', close: () => opened.close() };
}
