/** What every command shares: `--json`, errors as the table has them, configuration from all its sources. */
import { Command, type Errors } from '@oclif/core';
import type { ConfigSources } from '../adapters/config/load-config.js';
import type { Config as Settings } from '../adapters/config/schema.js';
import { SemanticError } from '../core/domain/errors.js';
import { palette } from './palette.js';

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  /** `flags`: `section.key` -> value or undefined. */
  protected async settings(flags: Readonly<Record<string, unknown>> = {}): Promise<Settings> {
    const { loadConfig } = await import('../adapters/config/load-config.js');
    return loadConfig(this.sources(flags));
  }

  /** Where settings come from, here. */
  protected sources(flags: Readonly<Record<string, unknown>> = {}): ConfigSources {
    return { environment: process.env, workingDirectory: process.cwd(), flags };
  }

  /** Where a message for a human goes: never where data goes. */
  protected note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** Sets the documented exit code instead of throwing on: with `--json` oclif would always exit with 1. */
  protected override async catch(thrown: Error & { readonly exitCode?: number }): Promise<void> {
    const exit = (thrown as Partial<Errors.CLIError>).oclif?.exit;
    if (exit === 0 || thrown.name === 'ExitError') throw thrown;
    const error = toSemanticError(thrown, exit);
    process.exitCode = error.exitCode;
    if (this.jsonEnabled()) this.logJson({ error: { code: error.code, message: error.message, hint: error.hint ?? null } });
    else this.note(`${palette('stderr').red('Error:')} ${error.message}${error.hint === undefined ? '' : `\n${error.hint}`}`);
    if (error.code === 'Internal') this.note(thrown.stack ?? String(thrown));
  }
}

function toSemanticError(thrown: Error, exit: number | undefined): SemanticError {
  if (thrown instanceof SemanticError) return thrown;
  // Exit 2 is oclif's for arguments and flags it cannot parse.
  const isUsage = exit === 2;
  return new SemanticError(isUsage ? 'InvalidRequest' : 'Internal', thrown.message, { cause: thrown });
}
