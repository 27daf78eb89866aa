import { median } from '#src/bench/statistics/median.js';
import { openModel } from '../ours.js';
import { figure, table } from '../table.js';
import { BINARY, ENGINE, engineOptions, verb } from '../verb.js';
import { versionTime } from '../version-time.js';

export const start = verb({
  summary: '`semantic --version` as a process, and loading the model',
  flags: { ...ENGINE, rounds: '11' },
  async run(flags) {
    const rounds = Number(flags.rounds);
    const version = await versionTime(BINARY, Math.max(rounds, 11));
    const loads: number[] = [];
    for (let i = 0; i < Math.max(rounds, 5); i++) {
      const { native, loadMillis } = await openModel(engineOptions(flags));
      loads.push(loadMillis);
      await native.close();
    }
    return [
      table(
        ['start (median)', 'ms'],
        [
          ['`semantic --version`, whole process', figure(version.semantic)],
          ['`node -e 0`, whole process', figure(version.node)],
          ['load of the model, warm page cache', figure(median(loads))],
        ],
      ),
    ];
  },
});
