/**
 * `npm run pack`: the two packages that npm installs, as folders and as tarballs: `semantic`, and the addon of this platform with MLX. Neither has an
 * install script or needs a compiler.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { BootstrapError } from './bootstrap-error.js';
import { ROOT } from './layout.js';

const DEFAULT_FOLDER = 'packages';
/** Platforms that have, or will have, a package; npm takes the one that fits and leaves out the others. */
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64'];
/** What the commands need at run time of what sets up a checkout. */
const BIN = [
  'run.js',
  ...['fetch-wheel', 'bootstrap-error', 'disk-space', 'hash-file', 'run-command', 'zip'].map((name) => `bootstrap/${name}.js`),
];
/** Only to build the addon. */
const BUILD_ONLY = new Set(['node-addon-api', 'node-api-headers']);
/** Libraries that are loaded, Metal's kernels, and licences; no headers and nothing for CMake. */
const LIBRARY = /\.(so(\.[\d.]+)?|dylib|metallib)$/;

/** @param {string[]} args the folder they go to */
export async function pack(args) {
  if (args.length > 1 || args.some((arg) => arg.startsWith('-'))) {
    process.stderr.write(`[pack] wanted one folder, got ${args.join(' ')}\n`);
    process.exitCode = 2;
    return;
  }
  const out = resolve(args[0] ?? join(ROOT, DEFAULT_FOLDER));
  try {
    const folders = [stageMain(out), stagePlatform(out)];
    for (const folder of folders) {
      const { filename, size, unpackedSize, entryCount } = await npmPack(folder, out);
      process.stderr.write(
        `[pack] ${join(out, filename)}: ${megabytes(size)} MB, ${megabytes(unpackedSize)} MB unpacked, ${entryCount} files\n`,
      );
    }
  } catch (error) {
    process.stderr.write(`[pack] ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof BootstrapError ? error.exitCode : 1;
  }
}

/** @param {string} out */
function stageMain(out) {
  const folder = emptied(join(out, 'semantic'));
  const { name, version, description, license, bin, type, imports, dependencies, engines } = manifest();
  writeManifest(folder, {
    ...{ name, version, description, license, bin, type, engines },
    imports: { '#src/*': imports['#src/*'].default },
    dependencies: Object.fromEntries(Object.entries(dependencies).filter(([dependency]) => !BUILD_ONLY.has(dependency))),
    optionalDependencies: Object.fromEntries(PLATFORMS.map((platform) => [`${name}-${platform}`, version])),
  });
  for (const file of BIN) copy(join('bin', file), folder);
  for (const entry of ['config', 'LICENSE', 'NOTICE', 'README.md', 'SECURITY.md']) copy(entry, folder);
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true, filter: (path) => !path.endsWith('.map') });
  return folder;
}

/** @param {string} out */
function stagePlatform(out) {
  const { name, version, license } = manifest();
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform))
    throw new BootstrapError('PrerequisiteMissing', `[pack] wanted ${PLATFORMS.join(', ')}, this is ${platform}`);
  const folder = emptied(join(out, `${name}-${platform}`));
  writeManifest(folder, {
    ...{ name: `${name}-${platform}`, version, license },
    description: `The native addon of ${name} for ${platform}, with MLX.`,
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === 'linux' ? { libc: ['glibc'] } : {}),
    exports: { './package.json': './package.json' },
  });
  for (const entry of ['LICENSE', 'NOTICE']) copy(entry, folder);
  // Where the addon and MLX look for each other, as in a checkout.
  cpSync(join(ROOT, 'native/build/semantic.node'), join(folder, 'build/semantic.node'));
  const deps = join(ROOT, 'native/deps');
  const isWanted = (/** @type {string} */ path) => statSync(path).isDirectory() || LIBRARY.test(path) || path.includes('licenses');
  for (const backend of readdirSync(deps)) {
    cpSync(join(deps, backend), join(folder, 'deps', backend), {
      recursive: true,
      filter: (path) => !/[\\/](include|share)$/.test(path) && isWanted(path),
    });
  }
  return folder;
}

/** @returns {{ name: string, version: string, description: string, license: string, bin: object, type: string, engines: object,
 *   imports: { '#src/*': { default: string } }, dependencies: Record<string, string> }} */
function manifest() {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

/**
 * @param {string} folder
 * @param {object} fields
 */
function writeManifest(folder, fields) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(fields, null, 2)}\n`);
}

/** @param {string} folder */
function emptied(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * @param {string} entry below the root
 * @param {string} folder
 */
function copy(entry, folder) {
  if (!existsSync(join(ROOT, entry))) throw new BootstrapError('StepFailed', `[pack] ${entry} is not there`);
  cpSync(join(ROOT, entry), join(folder, entry), { recursive: true });
}

/**
 * @param {string} folder
 * @param {string} out
 * @returns {Promise<{ filename: string, size: number, unpackedSize: number, entryCount: number }>} sizes in bytes
 */
async function npmPack(folder, out) {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], { cwd: folder });
  return JSON.parse(stdout)[0];
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
