import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { BenchDaemon } from '../bench-daemon.js';
import { SlowProxy } from '../slow-proxy.js';
import { figure, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, verb } from '../verb.js';

const run = promisify(execFile);
const REGRESSION = 11;

export const gate = verb({
  summary: 'semantic bench gate proves itself: the same build passes --runs times, one that is --slow % slower fails',
  flags: { ...ENGINE, suites: 'decode,prefill', runs: '5', slow: '15', max: '5%', rounds: '8' },
  async run(flags, progress) {
    const root = dirname(dirname(BINARY));
    const args = (target: readonly string[]): string[] => [
      ...[BINARY, 'bench', 'gate', ...flags.suites.split(','), '--against-build', root, '--max-regression', flags.max],
      ...['--rounds', flags.rounds, '--model', flags.model, '--no-save', ...daemonFlags(flags), ...target],
    ];
    const rows: string[][] = [];
    for (let i = 0; i < Number(flags.runs); i++) rows.push([`the same build, run ${i + 1}`, 'passes', await outcome(args([]), progress)]);
    const daemon = await BenchDaemon.start(BINARY, flags.model, daemonFlags(flags));
    const proxy = await SlowProxy.start(daemon.base, Number(flags.slow) / 100);
    try {
      rows.push([`${figure(Number(flags.slow))} % slower`, 'fails', await outcome(args(['--target', proxy.address]), progress)]);
    } finally {
      await proxy.stop();
      await daemon.stop();
    }
    return [table(['gate', 'should', 'did'], rows)];
  },
});

async function outcome(args: readonly string[], progress: (line: string) => void): Promise<string> {
  const { stdout, code } = await run(process.execPath, [...args]).then(
    ({ stdout: text }) => ({ stdout: text, code: 0 }),
    (error: { readonly stdout: string; readonly stderr: string; readonly code: number }) => {
      if (error.code !== REGRESSION) throw new Error(`the gate ended with ${error.code}: ${error.stderr}`);
      return { stdout: error.stdout, code: error.code };
    },
  );
  progress(stdout);
  return code === 0 ? 'passes' : 'fails';
}
