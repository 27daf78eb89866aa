/** A home with tiny models that may come, go and be removed, and a hub that has nothing. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyModelFolder } from '../../support/tiny-model-folder.js';

export const MODELS: Readonly<Record<string, string>> = {
  alpha: 'llama-4bit-g32',
  beta: 'qwen35-4bit',
  gamma: 'mistral-window-f16',
  delta: 'gemma3-4bit',
};

/** Tells tools, calls and roles, as templates of real models do. */
const TEMPLATE = [
  '{% if tools %}{{ tools | tojson }}\n{% endif %}',
  '{% for message in messages %}<{{ message.role }}>{{ message.content }}',
  '{% if message.tool_calls %}{{ message.tool_calls | tojson }}{% endif %}\n{% endfor %}',
  '{% if add_generation_prompt %}<assistant>{% endif %}',
].join('');

export interface FuzzHome {
  readonly path: string;
  readonly hub: string;
  /** A request may have removed some. */
  restoreModels(): void;
  remove(): void;
}

export async function makeHome(): Promise<FuzzHome> {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'semantic-fuzz-')));
  const hub = createServer((_request, response) => response.writeHead(404, { 'content-type': 'application/json' }).end('{}'));
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
  const restoreModels = (): void => {
    for (const [name, fixture] of Object.entries(MODELS)) {
      mkdirSync(join(path, 'models', name), { recursive: true });
      const folder = tinyModelFolder(fixture, join(path, 'models', name));
      writeFileSync(
        join(folder, 'tokenizer_config.json'),
        JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', chat_template: TEMPLATE }),
      );
    }
  };
  restoreModels();
  return {
    path,
    hub: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
    restoreModels,
    remove() {
      hub.close();
      hub.closeAllConnections();
      rmSync(path, { recursive: true, force: true });
    },
  };
}
