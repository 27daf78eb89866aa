import { closeSync, openSync, readSync } from 'node:fs';
import { BenchDaemon } from '../bench-daemon.js';
import { median } from '#src/bench/statistics/median.js';
import { ResidencyClientHttp } from '../residency-http.js';
import { figure, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, engineOptions, verb } from '../verb.js';

export const swap = verb({
  summary: '--rounds exchanges of the model for --other and back: how long, and what is left behind',
  flags: { ...ENGINE, other: '', rounds: '25' },
  async run(flags, progress) {
    if (flags.other === '') throw new Error('--other wants the name of a second installed model: see semantic models convert');
    const daemon = await BenchDaemon.start(BINARY, flags.model, daemonFlags(flags), { SEMANTIC_STORE_ENABLED: 'false' });
    try {
      const models = new ResidencyClientHttp(daemon.base);
      await daemon.chat([{ role: 'user', content: 'Hello.' }], 8);
      const cold = footprint(daemon);
      const taken: { readonly there: number[]; readonly back: number[] } = { there: [], back: [] };
      const states = new Map<string, number[]>();
      const resident: number[] = [];
      for (let round = 0; round < Number(flags.rounds); round++) {
        for (const [to, into] of [
          [flags.other, taken.there],
          [flags.model, taken.back],
        ] as const) {
          const report = await models.swap(to);
          into.push(report.ms);
          for (const { state, ms } of report.states) states.set(state, [...(states.get(state) ?? []), ms]);
        }
        await daemon.chat([{ role: 'user', content: 'Hello.' }], 8);
        const now = footprint(daemon);
        resident.push(now.bytes);
        progress(`round ${round + 1}: ${figure(now.bytes / 1e6)} MB resident, ${now.descriptors} descriptors`);
      }
      const end = footprint(daemon);
      await models.unload(flags.model);
      const empty = footprint(daemon);
      return [
        table(
          ['exchanges (median of both directions)', 'ms'],
          [
            [`${flags.model} -> ${flags.other}`, figure(median(taken.there))],
            [`${flags.other} -> ${flags.model}`, figure(median(taken.back))],
            ...[...states].map(([state, ms]) => [`of it ${state}`, figure(median(ms))]),
            [`plain sequential read of ${flags.model}, warm page cache`, figure(readMillis(engineOptions(flags).model))],
          ],
        ),
        table(
          [`${2 * Number(flags.rounds)} exchanges`, 'resident, MB', 'descriptors'],
          [
            ['after the start and a short answer', figure(cold.bytes / 1e6), `${cold.descriptors}`],
            ['after the first two', figure((resident[0] ?? 0) / 1e6), ''],
            ['after the last two', figure(end.bytes / 1e6), `${end.descriptors}`],
            ['after the model was unloaded', figure(empty.bytes / 1e6), `${empty.descriptors}`],
          ],
        ),
      ];
    } finally {
      await daemon.stop();
    }
  },
});

function footprint(daemon: BenchDaemon): { readonly bytes: number; readonly descriptors: number } {
  return { bytes: daemon.residentBytes(), descriptors: daemon.descriptors() };
}

/** Of the second of two reads. */
function readMillis(path: string): number {
  const buffer = Buffer.allocUnsafe(4 << 20);
  let ms = 0;
  for (let i = 0; i < 2; i++) {
    const start = performance.now();
    const fd = openSync(path, 'r');
    while (readSync(fd, buffer, 0, buffer.length, null) > 0);
    closeSync(fd);
    ms = performance.now() - start;
  }
  return ms;
}
