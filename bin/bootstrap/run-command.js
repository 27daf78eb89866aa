/** Runs a program with its output in a log file, and turns a failure into the tail of that log. */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';

const TAIL_LINES = 20;

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ log: string, cwd?: string, env?: NodeJS.ProcessEnv, signal?: AbortSignal, onLine?: (line: string) => void, append?: boolean }} options
 * @returns {Promise<number>} exit code; 127 when the program is not there, 128 + n when a signal ended it
 */
export async function runCommand(program, args, options) {
  await mkdir(dirname(options.log), { recursive: true });
  const log = createWriteStream(options.log, { flags: options.append === true ? 'a' : 'w' });
  log.write(`$ ${[program, ...args].join(' ')}\n`);
  const code = await new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.signal === undefined ? {} : { signal: options.signal, killSignal: 'SIGTERM' }),
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        log.write(text);
        const line = text
          .trimEnd()
          .split(/[\r\n]/)
          .pop();
        if (line !== undefined && line !== '') options.onLine?.(line);
      });
    }
    child.on('error', (error) => {
      log.write(`${error.message}\n`);
      if (child.pid === undefined) resolve(127);
    });
    child.on('close', (exit, signal) => resolve(exit ?? (signal === 'SIGINT' ? 130 : 143)));
  });
  log.end();
  await finished(log);
  return code;
}

/**
 * @param {string} log
 * @param {number} [lines]
 * @returns {Promise<string>} the last lines of a log, "" when there is none
 */
export async function tailOf(log, lines = TAIL_LINES) {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
