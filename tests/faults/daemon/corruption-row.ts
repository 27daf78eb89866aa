/** A daemon on a directory that was damaged while it was away. */
import { IS_LONG } from '../form.js';
import { RowTally } from '../report/record-row.js';
import { corrupt } from '../store/corrupt.js';
import { type Base, Findings } from './base.js';
import { Home } from './faulty-daemon.js';

const SEEDS = IS_LONG ? 24 : 2;
export async function corruptionRow(base: Base): Promise<RowTally> {
  const tally = new RowTally('daemon-corruption');
  for (let seed = 1; seed <= SEEDS; seed++) {
    const home = new Home(base.home);
    const findings = new Findings(base);
    const damages = corrupt(home.kv, base.home.kv, 7000 + seed);
    try {
      const daemon = await home.start();
      for (const name of ['a2', 'b2', 'c2'] as const) {
        const turn = await findings.sayAnyhow(daemon, name);
        findings.expectCommitted(base.cached[name], turn?.cachedTokens ?? 0);
      }
      findings.check((await daemon.disk()).state === 'ready', `the store is ${(await daemon.disk()).state}`);
      await daemon.settled();
      await daemon.kill();
      const again = await home.start();
      await findings.sayAnyhow(again, 'a3');
      await again.stop();
    } catch (error) {
      findings.problems.push(String(error));
    }
    tally.add(`seed ${seed}: ${damages.map(({ how, file }) => `${how} (${file})`).join(', ')}`, findings);
    home.remove();
  }
  return tally;
}
