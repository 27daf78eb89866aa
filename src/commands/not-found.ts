import type { Hook } from '@oclif/core';
import { ERROR_TABLE } from '../core/domain/errors.js';
import { suggest } from '../adapters/suggest/suggest.js';

/** A command that does not exist: a usage error, with the nearest one that does. */
const notFound: Hook.CommandNotFound = async function notFound({ id, config, argv = [] }) {
  const wanted = id.replaceAll(':', ' ');
  const known = config.commands.filter(({ hidden }) => hidden !== true).map((command) => command.id.replaceAll(':', ' '));
  const hint = suggest(wanted, known) ?? 'See semantic --help.';
  const message = `there is no command "${wanted}"`;
  process.exitCode = ERROR_TABLE.InvalidRequest.exit;
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: { code: 'InvalidRequest', message, hint } })}\n`);
  else process.stderr.write(`Error: ${message}\n${hint}\n`);
};

export default notFound;
