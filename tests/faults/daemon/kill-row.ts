/** A daemon that is killed at a place of the program that changes the directory, and started again. */
import { IS_LONG, spread } from '../form.js';
import { RowTally } from '../report/record-row.js';
import { type Fault, KIND, type LoggedCall } from '../shim/fault-control.js';
import { type Base, Findings, turnsOf } from './base.js';
import { say } from './conversation.js';
import { type FaultyDaemon, Home } from './faulty-daemon.js';

interface Point {
  readonly call: LoggedCall;
  readonly fault: Fault & { readonly action: 'killBefore' | 'killHalf' | 'killAfter' };
}

export async function killRow(base: Base): Promise<RowTally> {
  const tally = new RowTally('daemon-kill');
  for (const point of spread(pointsOf(await callsOfScript(base)), IS_LONG ? 48 : 2)) {
    const { call, fault } = point;
    tally.add(`${fault.action} call ${call.n} (${call.name} ${call.path})`, await killedAt(base, point));
  }
  return tally;
}

/** Two turns that are stored, an agent that goes with all it had, the end. */
async function script(daemon: FaultyDaemon): Promise<void> {
  await say(daemon, 'a2');
  await daemon.settled();
  await say(daemon, 'b2');
  await daemon.settled();
  await daemon.call('DELETE', '/v1/agents/b?purge=true');
  await daemon.stop();
}

async function callsOfScript(base: Base): Promise<readonly LoggedCall[]> {
  const home = new Home(base.home);
  try {
    await script(await home.start());
    return home.control.log();
  } finally {
    home.remove();
  }
}

/** One call of each kind on each kind of file before, in and after each run of them: the first and the last of equal neighbours. */
function pointsOf(calls: readonly LoggedCall[]): readonly Point[] {
  const placeOf = ({ name, path }: LoggedCall): string =>
    `${name} ${path.replace(/[0-9a-f]{24}/, 'ID').replace(/^quarantine\/.*/, 'quarantine')}`;
  const chosen = calls.filter((call, i) => {
    const seen = calls.slice(0, i).filter((other) => placeOf(other) === placeOf(call)).length;
    return seen % 8 === 0;
  });
  return chosen.flatMap((call): Point[] => {
    const isLong = call.kind === KIND.write && call.bytes > 1;
    return (isLong ? (['killBefore', 'killHalf', 'killAfter'] as const) : (['killAfter'] as const)).map((action) => ({
      call,
      fault: { action },
    }));
  });
}

async function killedAt(base: Base, { call, fault }: Point): Promise<Findings> {
  const home = new Home(base.home);
  const findings = new Findings(base);
  let isReached = true;
  try {
    home.control.arm(call.n, fault);
    // It may end while it starts, in the middle of a turn, or, in another order of its threads, not at all.
    await home
      .start()
      .then(script)
      .then(
        () => (isReached = false),
        () => undefined,
      );
    home.control.heal();
    findings.check(!isReached || home.control.calls >= call.n, 'the call was not reached, and yet the script failed');
    const daemon = await home.start();
    findings.check((await daemon.disk()).state === 'ready', `the store is ${(await daemon.disk()).state}: ${(await daemon.disk()).reason}`);
    await findings.say(daemon, 'c2', base.cached.c2);
    // What was under way counts or does not; what was said before is there.
    if ((await turnsOf(daemon, 'a2')) === 1) await findings.say(daemon, 'a2', base.cached.a2);
    await findings.say(daemon, 'a3', base.cached.a2);
    if ((await turnsOf(daemon, 'b2')) === 1) await findings.say(daemon, 'b2', null);
    await daemon.settled();
    const report = await daemon.disk();
    findings.check(report.quarantined === 0, `${report.quarantined} images were put aside`);
    findings.check((await daemon.stop()) === 0, 'the daemon did not end well');
  } catch (error) {
    findings.problems.push(String(error));
  } finally {
    home.remove();
  }
  return findings;
}
