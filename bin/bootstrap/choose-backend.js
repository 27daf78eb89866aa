/** Which MLX backend wheel this machine takes, and the pins of it. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';

import { BootstrapError } from './bootstrap-error.js';
import { ROOT } from './layout.js';

/** First NVIDIA driver that runs CUDA 13. */
const CUDA_13_DRIVER = 580;
const GLIBC_WANTED = [2, 35];
/** Darwin kernel 23 is macOS 14, 24 is 15, 25 is 26. */
const MACOS_BY_DARWIN = /** @type {const} */ ([
  [25, 26],
  [24, 15],
  [23, 14],
]);

/** @typedef {import('./fetch-wheel.js').WheelPin} WheelPin */
/**
 * @typedef {object} Machine
 * @property {string} platform
 * @property {string} arch
 * @property {number} darwinMajor   0 off macOS
 * @property {number} nvidiaDriver  major version, 0 without one
 */

/** @returns {Machine} */
export function thisMachine() {
  const { platform, arch } = process;
  const darwinMajor = platform === 'darwin' ? Number(release().split('.')[0]) : 0;
  return { platform, arch, darwinMajor, nvidiaDriver: platform === 'linux' ? nvidiaDriver() : 0 };
}

/**
 * Asked "auto" (or nothing): metal on a Mac, cpu on Linux. CUDA is only taken when SEMANTIC_BACKEND asks for it (`cuda`
 * picks 12 or 13 by the driver), because it is a download of gigabytes.
 * @param {string} asked
 * @param {Machine} machine
 * @returns {string} cpu, metal, cuda-12 or cuda-13
 */
export function chooseBackend(asked, machine) {
  if (asked === '' || asked === 'auto') return machine.platform === 'darwin' ? 'metal' : 'cpu';
  if (asked === 'cuda') return machine.nvidiaDriver >= CUDA_13_DRIVER ? 'cuda-13' : 'cuda-12';
  if (['cpu', 'metal', 'cuda-12', 'cuda-13'].includes(asked)) return asked;
  throw new BootstrapError(
    'PrerequisiteMissing',
    `[bootstrap] SEMANTIC_BACKEND is "${asked}", wanted auto, cpu, metal, cuda, cuda-12 or cuda-13`,
  );
}

/**
 * @param {string} backend
 * @param {Machine} machine
 * @param {string} [file] the table of pins
 * @returns {WheelPin[]} the backend wheel first, then what it links against
 */
export function backendWheels(backend, machine, file = join(ROOT, 'native/mlx.json')) {
  /** @type {{ backends: Record<string, Record<string, WheelPin[]>> }} */
  const table = JSON.parse(readFileSync(file, 'utf8'));
  const pins = table.backends[backend]?.[platformKey(machine)];
  if (pins !== undefined) return pins;
  throw new BootstrapError('PrerequisiteMissing', `[bootstrap] MLX has no ${backend} backend for ${platformKey(machine)}`, {
    hint: 'It exists for Linux on x64 and arm64 (cpu, cuda-12, cuda-13) and for macOS 14 and newer on Apple silicon (metal).',
  });
}

/** @param {Machine} machine */
function platformKey({ platform, arch, darwinMajor }) {
  if (platform !== 'darwin') return `${platform}-${arch}`;
  const macos = MACOS_BY_DARWIN.find(([darwin]) => darwinMajor >= darwin)?.[1] ?? 'older-than-14';
  return `${platform}-${arch}-${macos}`;
}

/**
 * The Linux wheels are built against glibc 2.35.
 * @param {string} [glibc] such as "2.36"; undefined where the C library is another one
 */
export function requireGlibc(glibc) {
  const [major = 0, minor = 0] = (glibc ?? '0.0').split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = GLIBC_WANTED;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new BootstrapError(
    'PrerequisiteMissing',
    `[bootstrap] wanted glibc ${GLIBC_WANTED.join('.')} or newer, got ${glibc ?? 'another C library (musl?)'}`,
    {
      hint: 'Debian 12, Ubuntu 22.04, Fedora 36 and newer have it; a container of one of them works on older systems.',
    },
  );
}

/** @returns {string | undefined} */
export function glibcVersion() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } } | undefined} */ (process.report?.getReport());
  return report?.header?.glibcVersionRuntime;
}

function nvidiaDriver() {
  try {
    const text = readFileSync('/proc/driver/nvidia/version', 'utf8');
    return Number(/Kernel Module.*?\s(\d+)\.\d+/.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
