/** What has to be on the machine before anything is built; every missing piece is named at once, with the fix. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { BootstrapError } from './bootstrap-error.js';
import { nodeProblem } from './require-node.js';

const run = promisify(execFile);
const CMAKE_WANTED = [3, 25];
const PROBE_TIMEOUT_MS = 20_000;

/**
 * @typedef {object} Prerequisite
 * @property {string} name
 * @property {boolean} found
 * @property {string} detail what was found, or what was wanted and got
 */

/** Packages by platform, for the hint. */
const FIXES = {
  debian: 'Debian, Ubuntu:  sudo apt-get install -y python3 python3-pip cmake ninja-build g++',
  fedora: 'Fedora, RHEL:    sudo dnf install -y python3 python3-pip cmake ninja-build gcc-c++',
  macos: 'macOS:           xcode-select --install && brew install cmake ninja python',
  other: 'Old CMake:       python3 -m pip install --user cmake (then put its folder on PATH)',
};

/**
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {Promise<Prerequisite[]>}
 */
export async function probePrerequisites(environment = process.env) {
  const compiler = environment['CXX'] ?? '';
  const probes = await Promise.all([
    probe('Python 3 with pip', ['python3'], ['-m', 'pip', '--version'], environment),
    probe(`CMake >= ${CMAKE_WANTED.join('.')}`, ['cmake'], ['--version'], environment, cmakeProblem),
    probe('a C++20 compiler', compiler === '' ? ['c++', 'g++', 'clang++'] : [compiler], ['--version'], environment, compilerProblem),
    probeBuilder(environment),
  ]);
  return [probeNode(), ...probes];
}

/** @param {NodeJS.ProcessEnv} [environment] */
export async function requirePrerequisites(environment = process.env) {
  const missing = (await probePrerequisites(environment)).filter(({ found }) => !found);
  if (missing.length === 0) return;
  const list = missing.map(({ name, detail }) => `  - ${name}: ${detail}`).join('\n');
  throw new BootstrapError('PrerequisiteMissing', `[bootstrap] this machine lacks:\n${list}`, { hint: Object.values(FIXES).join('\n') });
}

/** @returns {Prerequisite} */
function probeNode() {
  const problem = nodeProblem();
  return { name: 'Node >= 20.19', found: problem === undefined, detail: problem?.message ?? process.versions.node };
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<Prerequisite>}
 */
async function probeBuilder(environment) {
  const ninja = await probe('ninja or make', ['ninja'], ['--version'], environment);
  return ninja.found ? ninja : probe('ninja or make', ['make', 'gmake'], ['--version'], environment);
}

/**
 * @param {string} name
 * @param {readonly string[]} programs the first that answers counts
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {(firstLine: string) => string | undefined} [problemOf]
 * @returns {Promise<Prerequisite>}
 */
async function probe(name, programs, args, env, problemOf) {
  let detail = `${programs.join(', ')} not found on PATH`;
  for (const program of programs) {
    try {
      const { stdout } = await run(program, args, { env, timeout: PROBE_TIMEOUT_MS });
      const line = stdout.split('\n')[0]?.trim() ?? '';
      const problem = problemOf?.(line);
      if (problem === undefined) return { name, found: true, detail: line };
      detail = problem;
    } catch (error) {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').pop() : '';
      if (said !== undefined && said !== '') detail = `${program} ${args.join(' ')} failed: ${said}`;
    }
  }
  return { name, found: false, detail };
}

/** @param {string} line */
function cmakeProblem(line) {
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(line) ?? [];
  const [wantedMajor = 0, wantedMinor = 0] = CMAKE_WANTED;
  if (Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor)) return undefined;
  return `wanted ${CMAKE_WANTED.join('.')} or newer, got ${major}.${minor}`;
}

/** g++ 11 and clang 14 are the first that compile what we use of C++20. @param {string} line */
function compilerProblem(line) {
  const clang = /clang version (\d+)/.exec(line)?.[1];
  if (clang !== undefined) return Number(clang) >= 14 ? undefined : `wanted clang 14 or newer, got ${clang}`;
  const gcc = /(?:g\+\+|gcc|c\+\+).*?(\d+)\.\d+/i.exec(line)?.[1];
  if (gcc !== undefined) return Number(gcc) >= 11 ? undefined : `wanted g++ 11 or newer, got ${gcc}`;
  return undefined;
}
