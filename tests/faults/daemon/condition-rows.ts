/** What a disk does to a daemon that runs: full, over quota, failing, read-only, unreadable; what a clock does; a second daemon. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IS_LONG } from '../form.js';
import { RowTally } from '../report/record-row.js';
import type { RowId } from '../report/rows.js';
import { type Errno, KIND } from '../shim/fault-control.js';
import { filesOf } from '../store/corrupt.js';
import { type Base, Findings } from './base.js';
import { type FaultyDaemon, Home } from './faulty-daemon.js';

const DAY_SECONDS = 86_400;

type Case = (home: Home, findings: Findings, base: Base) => Promise<void>;

/** Runs the cases of one row, each on a home of its own. */
async function run(row: RowId, base: Base, cases: Readonly<Record<string, Case>>): Promise<RowTally> {
  const tally = new RowTally(row);
  for (const [name, work] of Object.entries(cases)) {
    const home = new Home(base.home);
    const findings = new Findings(base);
    await work(home, findings, base).catch((error: unknown) => findings.problems.push(String(error)));
    tally.add(name, findings);
    home.remove();
  }
  return tally;
}

export function errnoRow(base: Base): Promise<RowTally> {
  const errnos: readonly Errno[] = IS_LONG ? ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'] : ['ENOSPC'];
  return run('daemon-errno', base, Object.fromEntries(errnos.map((errno) => [errno, refusing(errno)])));
}

function refusing(errno: Errno): Case {
  return async (home, findings, { cached }) => {
    const daemon = await home.start();
    home.control.refuse(errno);
    await findings.say(daemon, 'a2', cached.a2);
    await findings.say(daemon, 'b2', cached.b2);
    await becomes(daemon, 'suspended');
    const { reason } = await daemon.disk();
    // The database of the index knows of no quota.
    findings.check((errno === 'EDQUOT' ? /EDQUOT|EIO/ : RegExp(errno)).test(reason ?? ''), `the reason is ${reason}`);
    findings.check(daemon.log.includes('suspended'), 'the log says nothing of it');
    home.control.heal();
    await becomes(daemon, 'ready');
    await findings.say(daemon, 'c2', cached.c2);
    const last = await findings.say(daemon, 'a3', null);
    await daemon.settled();
    await agentsAreSaved(daemon);
    await daemon.kill();
    const restarted = await home.start();
    const onDisk = async (id: string): Promise<{ readonly turns: number; readonly kv: { readonly disk_tokens: number } }> =>
      restarted.call('GET', `/v1/agents/${id}`);
    const { kv, turns } = await onDisk('a');
    findings.expectCommitted(last?.promptTokens ?? 0, kv.disk_tokens);
    findings.check(turns === 3 && (await onDisk('b')).turns === 2, 'turns of the time in which the disk refused are gone');
    findings.check(
      kv.disk_tokens >= (last?.promptTokens ?? 0),
      `a holds ${kv.disk_tokens} tokens on disk, its prompt had ${last?.promptTokens}`,
    );
    await restarted.stop();
  };
}

export function readOnlyRow(base: Base): Promise<RowTally> {
  return run('daemon-read-only', base, {
    'read-only at the start': async (home, findings) => {
      home.control.refuse('EROFS');
      const daemon = await home.start();
      findings.check((await daemon.disk()).state === 'suspended', 'it does not say so');
      await greet(daemon);
      home.control.heal();
      await becomes(daemon, 'ready');
      await daemon.kill();
      const restarted = await home.start();
      await findings.sayNext(restarted, true);
      await restarted.stop();
    },
  });
}

export function unreadableRow(base: Base): Promise<RowTally> {
  return run('daemon-unreadable', base, {
    'EIO on every read': async (home, findings) => {
      const daemon = await home.start();
      home.control.refuseKinds('EIO', KIND.read);
      await findings.sayNext(daemon, false);
      home.control.heal();
      await findings.say(daemon, 'a3', null);
      await daemon.stop();
    },
    'extents deleted under it': async (home, findings) => {
      const daemon = await home.start();
      rmSync(join(home.kv, 'extents'), { recursive: true });
      await findings.sayNext(daemon, false);
      await becomes(daemon, 'ready'); // it has made the directory anew
      await agentsAreSaved(daemon);
      await daemon.kill();
      const restarted = await home.start();
      await findings.say(restarted, 'a3', null);
      await restarted.stop();
    },
    'the whole directory deleted under it': async (home, findings) => {
      const daemon = await home.start();
      rmSync(home.kv, { recursive: true });
      await findings.sayNext(daemon, false);
      await daemon.settled();
      await findings.say(daemon, 'a3', null);
      await daemon.stop();
      await (await home.start()).stop();
    },
  });
}

export function clockRow(base: Base): Promise<RowTally> {
  const jumping =
    (seconds: number): Case =>
    async (home, findings, { cached }) => {
      const daemon = await home.start();
      await findings.say(daemon, 'a2', cached.a2);
      home.control.shiftClock(seconds);
      await findings.say(daemon, 'b2', cached.b2);
      await daemon.settled();
      await daemon.kill();
      const restarted = await home.start();
      findings.check((await restarted.disk()).state === 'ready', 'the store is not ready');
      await findings.say(restarted, 'c2', cached.c2);
      await findings.say(restarted, 'a3', cached.a2);
      await restarted.stop();
    };
  return run('daemon-clock', base, { 'back one day': jumping(-DAY_SECONDS), 'forward one year': jumping(365 * DAY_SECONDS) });
}

export function twoDaemonsRow(base: Base): Promise<RowTally> {
  return run('daemon-two', base, {
    'the first is killed': async (home, findings, { cached }) => {
      const first = await home.start();
      const beside = new Home();
      const second = await beside.start({ SEMANTIC_STORE_DIRECTORY: home.kv });
      const { state, reason } = await second.disk();
      findings.check(state === 'suspended' && reason?.includes('another process') === true, `the second is ${state}: ${reason}`);
      await greet(second);
      await findings.say(first, 'a2', cached.a2);
      await first.settled();
      await first.kill();
      await becomes(second, 'ready');
      await second.stop();
      beside.remove();
      const restarted = await home.start();
      await findings.say(restarted, 'b2', cached.b2);
      await findings.say(restarted, 'a3', cached.a2);
      await restarted.stop();
    },
  });
}

export function newerFormatRow(base: Base): Promise<RowTally> {
  return run('daemon-newer-format', base, {
    'format 2': async (home, findings) => {
      const text = 'semantic-kv-store 2';
      writeFileSync(join(home.kv, 'format'), `${text} ${createHash('sha256').update(text).digest('hex').slice(0, 16)}\n`);
      const before = digestOf(home.kv);
      const daemon = await home.start();
      const { state, reason } = await daemon.disk();
      findings.check(state === 'suspended' && reason?.includes('format 2') === true, `it is ${state}: ${reason}`);
      for (const name of ['a2', 'b2', 'c2'] as const) await findings.sayAnyhow(daemon, name);
      await daemon.stop();
      findings.check(digestOf(home.kv) === before, 'the directory was changed');
    },
  });
}

/** Without any of the disk a daemon serves. */
async function greet(daemon: FaultyDaemon): Promise<void> {
  const { model } = (await daemon.status()).engine;
  await daemon.call('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4 });
}

async function becomes(daemon: FaultyDaemon, state: 'ready' | 'suspended'): Promise<void> {
  await daemon.until(`the store to be ${state}`, async () => (await daemon.disk()).state === state);
}

/** What could not be written of agents is written when they are looked through the next time. */
async function agentsAreSaved(daemon: FaultyDaemon): Promise<void> {
  await daemon.settled();
  await new Promise((resolve) => setTimeout(resolve, 2_000)); // sweeps come every 0.2 s; nothing tells that one is over
}

function digestOf(directory: string): string {
  const digest = createHash('sha256');
  for (const file of filesOf(directory)) digest.update(`${file}\n`).update(readFileSync(join(directory, file)));
  return digest.digest('hex');
}
