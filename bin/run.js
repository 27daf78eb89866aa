#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const pjson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

if (process.argv[2] === '--version' || process.argv[2] === '-v') {
  // Answered before anything is loaded: scripts ask this often.
  process.stdout.write(`${pjson.name}/${pjson.version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else {
  const { Config, flush, handle, run } = await import('@oclif/core');
  try {
    await run(process.argv.slice(2), await Config.load({ root, pjson }));
    await flush();
  } catch (error) {
    await handle(error);
  }
}
