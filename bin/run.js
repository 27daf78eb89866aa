#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const pjson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** How oclif finds our commands. An explicit list in one module is the fastest it knows. */
const oclif = {
  bin: 'semantic',
  dirname: 'semantic',
  topicSeparator: ' ',
  commands: { strategy: 'explicit', target: './dist/commands/index.js', identifier: 'COMMANDS' },
  plugins: ['@oclif/plugin-help', '@oclif/plugin-autocomplete'],
  hooks: { command_not_found: './dist/commands/not-found.js' },
  topics: {
    agents: { description: 'Conversations that the daemon keeps, with their KV.' },
    audit: { description: 'What administrators and API keys did.' },
    bench: { description: 'What this build does on this machine, beside others, and over time.' },
    cache: { description: 'The KV cache of the daemon.' },
    config: { description: 'Settings, and where they come from.' },
    keys: { description: 'API keys of the daemon.' },
    models: { description: 'Models on this machine and in the catalogue.' },
    service: { description: 'The daemon as a service of systemd or launchd.' },
    'models:alias': { description: 'Other names of models.' },
  },
};

if (process.argv[2] === '--version' || process.argv[2] === '-v') {
  // Answered before anything is loaded: scripts ask this often.
  process.stdout.write(`${pjson.name}/${pjson.version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else {
  // Node 22 and later keep what they compiled, here in a folder that is nobody else's: a fifth of the time of a short command.
  /** @type {{ enableCompileCache?: (directory: string) => void }} */ (module).enableCompileCache?.(join(cacheDirectory(), 'compiled'));
  const { Config, flush, handle, run } = await import('@oclif/core');
  try {
    await run(process.argv.slice(2), await Config.load({ root, pjson: { ...pjson, oclif } }));
    await flush();
  } catch (error) {
    await handle(/** @type {Error} */ (error));
  }
}

function cacheDirectory() {
  const { SEMANTIC_HOME: home, XDG_CACHE_HOME: cache } = process.env;
  return home ? join(home, 'cache') : join(cache || join(homedir(), '.cache'), 'semantic');
}
