/** Node's version, checked before anything that an old Node cannot parse is loaded. */
import { BootstrapError, EXIT_CODES } from './bootstrap-error.js';

const WANTED = [20, 19];

/**
 * @param {string} [version] such as "20.19.0"
 * @returns {BootstrapError | undefined}
 */
export function nodeProblem(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = WANTED;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  return new BootstrapError('PrerequisiteMissing', `[bootstrap] wanted Node >= ${WANTED.join('.')}, got ${version}`, {
    hint: 'Install a current Node from nodejs.org or with a version manager, and run the same command again.',
  });
}

export function requireNode() {
  const problem = nodeProblem();
  if (problem === undefined) return;
  process.stderr.write(`${problem.message}\n${problem.hint}\n`);
  process.exit(EXIT_CODES.PrerequisiteMissing);
}
