/** Programs the build and the downloads need. */
import { execa } from 'execa';
import { type Check, missing, ok } from './check.js';

const MIN_NODE = [20, 19] as const;
const MIN_CMAKE = [3, 25] as const;

export function checkNode(): Check {
  const { version } = process;
  return atLeast(version, MIN_NODE) ? ok('node', version) : missing('node', version, `Install Node.js ${MIN_NODE.join('.')} or later.`);
}

export async function checkPip(): Promise<Check> {
  const said = await firstLine('python3', ['-m', 'pip', '--version']);
  return said === null
    ? missing('python and pip', 'python3 -m pip does not run', 'Install Python 3 with pip (packages python3 and python3-pip).')
    : ok('python and pip', said);
}

export async function checkCmake(): Promise<Check> {
  const said = await firstLine('cmake', ['--version']);
  const wanted = `Install CMake ${MIN_CMAKE.join('.')} or later (python3 -m pip install cmake also works).`;
  if (said === null) return missing('cmake', 'not found', wanted);
  return atLeast(said, MIN_CMAKE) ? ok('cmake', said) : missing('cmake', said, wanted);
}

export async function checkCompiler(): Promise<Check> {
  const candidates = [process.env['CXX'], 'c++', 'g++', 'clang++'].filter((name) => name !== undefined && name !== '');
  for (const compiler of candidates) {
    const said = await firstLine(compiler as string, ['--version']);
    if (said === null) continue;
    const speaks = await execa(compiler as string, ['-std=c++20', '-x', 'c++', '-fsyntax-only', '-'], {
      input: '#include <concepts>\n',
      reject: false,
    });
    if (speaks.exitCode === 0) return ok('c++20 compiler', said);
  }
  return missing(
    'c++20 compiler',
    `none of ${candidates.join(', ')} compiles C++20`,
    'Install GCC 12 or Clang 15 or later (package build-essential, or the Xcode command line tools).',
  );
}

async function firstLine(program: string, args: readonly string[]): Promise<string | null> {
  const { exitCode, stdout } = await execa(program, args, { reject: false });
  return exitCode === 0 ? (stdout.split('\n')[0] ?? '') : null;
}

/** Compares the first `major.minor` in the text. */
function atLeast(text: string, [major, minor]: readonly [number, number]): boolean {
  const [, foundMajor, foundMinor] = /(\d+)\.(\d+)/.exec(text) ?? [];
  if (foundMajor === undefined) return false;
  return Number(foundMajor) > major || (Number(foundMajor) === major && Number(foundMinor) >= minor);
}
