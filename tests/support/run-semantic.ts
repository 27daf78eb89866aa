/** Runs bin/run.js as a user does: a process of its own, with a home of its own that shares only the models. */
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { starterModelsDirectory } from './starter-model.js';

export const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** A SEMANTIC_HOME that sees the installed models and nothing else of the user's. */
export function createHome(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'semantic-'));
  symlinkSync(starterModelsDirectory(), join(path, 'models'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface SemanticOptions {
  readonly home: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Never throws for an exit code: the tests look at it. */
export async function semantic(args: readonly string[], options: SemanticOptions): Promise<Ended> {
  assertBuilt();
  const { home, input, env, cwd } = options;
  const { exitCode, stdout, stderr } = await execa(process.execPath, [RUN, ...args], {
    reject: false,
    env: { SEMANTIC_HOME: home, NO_COLOR: '1', ...env },
    timeout: 110_000,
    cwd: cwd ?? home,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  });
  return { exitCode, stdout, stderr };
}

export function assertBuilt(): void {
  const built = fileURLToPath(new URL('../../dist/commands/index.js', import.meta.url));
  if (!existsSync(built)) throw new Error(`${built} is not there: run npm test, which compiles src/ first`);
}
