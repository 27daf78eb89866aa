import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = ['control.h', 'shim.cpp'].map((file) => fileURLToPath(new URL(file, import.meta.url)));
const BUILT = fileURLToPath(new URL('../../../native/build/faults', import.meta.url));

/** Why nothing can be preloaded here; null where it can. */
export const NO_SHIM = process.platform === 'linux' ? null : `the shim preloads into glibc programs, and this is ${process.platform}`;

/** Path of the compiled shim, made by the compiler that builds the addon; only where the sources have changed. */
export function buildShim(): string {
  const digest = SOURCES.reduce((sum, file) => sum.update(readFileSync(file)), createHash('sha256')).digest('hex');
  const library = join(BUILT, `shim-${digest.slice(0, 16)}.so`);
  if (existsSync(library)) return library;
  mkdirSync(BUILT, { recursive: true });
  const made = `${library}.${process.pid}`;
  const flags = ['-std=c++20', '-O1', '-shared', '-fPIC', '-fno-exceptions', '-Wall', '-Wextra'];
  execFileSync(process.env['CXX'] ?? 'c++', [...flags, '-o', made, SOURCES[1]!], { stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(made, library);
  return library;
}
