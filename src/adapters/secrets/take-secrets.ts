import { SECRET_VARIABLES } from './secret-names.js';

type Environment = Record<string, string | undefined>;

/**
 * Takes the secrets out of `environment`, for a process that lives long: programs that it starts and the reports that Node writes of a
 * crash then have none. Returns what it was. Where Node can leave variables out of its reports altogether (22.13 and later) it does.
 */
export function takeSecrets(environment: Environment): Environment {
  const before = { ...environment };
  for (const name of SECRET_VARIABLES) delete environment[name];
  const report = process.report as { excludeEnv?: boolean };
  if ('excludeEnv' in report) report.excludeEnv = true;
  return before;
}
