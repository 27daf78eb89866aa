/** Step: MLX's headers, library and CMake files, from its backend wheel into native/deps/mlx as they lie in the wheel. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { BootstrapError, explainDiskFull } from './bootstrap-error.js';
import { backendWheels, chooseBackend, glibcVersion, requireGlibc, thisMachine } from './choose-backend.js';
import { fetchWheel } from './fetch-wheel.js';
import { logFile, ROOT, STATE } from './layout.js';
import { hasStamp, removeStamp, writeStamp } from './stamp.js';
import { unpackZip } from './zip.js';

const STEP = 'mlx';
export const MLX_DIRECTORY = join(ROOT, 'native/deps/mlx');

/** @type {import('./main.js').Step} */
export const fetchMlx = {
  title: 'Fetching MLX',
  async isDone() {
    return hasLibrary(MLX_DIRECTORY) && (await hasStamp(STEP, mlxKey()));
  },
  async run(progress) {
    const machine = thisMachine();
    if (machine.platform === 'linux') requireGlibc(glibcVersion());
    const asked = process.env['SEMANTIC_BACKEND'] ?? '';
    if (machine.nvidiaDriver > 0 && (asked === '' || asked === 'auto')) {
      progress.note('an NVIDIA driver is here; SEMANTIC_BACKEND=cuda takes the CUDA backend (a download of gigabytes) instead of the CPU');
    }
    await removeStamp(STEP);
    const part = `${MLX_DIRECTORY}.${process.pid}.part`;
    try {
      for (const pin of pins()) await fetchInto(part, pin, progress);
      if (!hasLibrary(part)) throw new BootstrapError('StepFailed', `[bootstrap] the MLX wheel holds no mlx/lib/libmlx`);
      await rm(MLX_DIRECTORY, { recursive: true, force: true });
      await rename(part, MLX_DIRECTORY);
    } catch (error) {
      throw explainDiskFull(error, ROOT);
    } finally {
      await rm(part, { recursive: true, force: true });
    }
    await writeStamp(STEP, mlxKey());
  },
};

/**
 * @param {string} directory
 * @param {import('./fetch-wheel.js').WheelPin} pin
 * @param {import('./progress.js').Progress} progress
 */
async function fetchInto(directory, pin, progress) {
  const scratch = join(STATE, 'downloads');
  const wheel = await fetchWheel(pin, { scratch, log: logFile(STEP), onProgress: ({ done, total }) => progress.update(done, total) });
  await mkdir(directory, { recursive: true });
  await unpackZip(wheel, directory);
  await rm(wheel);
}

/** Changes with the backend and its pins; the addon is built again then. */
export function mlxKey() {
  return pins()
    .map(({ name, version, sha256 }) => `${name}==${version}@${sha256}`)
    .join(' ');
}

function pins() {
  const machine = thisMachine();
  return backendWheels(chooseBackend(process.env['SEMANTIC_BACKEND'] ?? '', machine), machine);
}

/** @param {string} directory */
function hasLibrary(directory) {
  return ['libmlx.so', 'libmlx.dylib'].some((name) => existsSync(join(directory, 'mlx/lib', name)));
}
