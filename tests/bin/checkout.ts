/** A bare checkout in miniature: our real bootstrap, one C++ file, one TypeScript file, one tiny wheel for each download. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeWheel, sha256 } from './wheel.js';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const MODEL = 'a model of few words';
const LAYOUT = ['linux-x64', 'linux-arm64', 'darwin-arm64-14', 'darwin-arm64-15', 'darwin-arm64-26'];

const CMAKE = `cmake_minimum_required(VERSION 3.25)
project(tiny LANGUAGES CXX)
add_library(semantic MODULE src/addon.cc)
set_target_properties(semantic PROPERTIES PREFIX "" SUFFIX ".node" LIBRARY_OUTPUT_DIRECTORY "\${CMAKE_CURRENT_SOURCE_DIR}/build")
`;
const RUN = `const [command, ...args] = process.argv.slice(2);
if (args[0] === '--exit') process.exitCode = Number(args[1]);
if (args[0] === '--wait') {
  const alive = setInterval(() => {}, 1000);
  process.once('SIGTERM', () => { clearInterval(alive); process.exitCode = 143; process.stdout.write('stopped cleanly\\n'); });
}
process.stdout.write(JSON.stringify({ command, args }) + '\\n');
`;

export interface Outcome {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Checkout {
  readonly root = mkdtempSync(join(tmpdir(), 'semantic-checkout-'));
  readonly home = join(this.root, 'home');
  readonly modelFile = join(this.home, 'models/tiny/model.gguf');
  readonly #wheels = join(this.root, 'wheels');

  constructor() {
    cpSync(join(REPOSITORY, 'bin/bootstrap'), join(this.root, 'bin/bootstrap'), { recursive: true });
    cpSync(join(REPOSITORY, 'bin/bootstrap.js'), join(this.root, 'bin/bootstrap.js'));
    const compilerOptions = { module: 'NodeNext', rootDir: 'src', outDir: 'dist', types: [], skipLibCheck: true };
    // TypeScript is a local package around ours: npm ci then needs no registry.
    this.write('typescript/package.json', JSON.stringify({ name: 'typescript', version: '1.0.0' }));
    for (const folder of ['bin', 'lib'])
      symlinkSync(join(REPOSITORY, 'node_modules/typescript', folder), join(this.root, 'typescript', folder));
    const dependencies = { typescript: 'file:typescript' };
    const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    this.write('package.json', JSON.stringify({ name: 'tiny', version: '1.0.0', type: 'module', scripts, dependencies }));
    const packages = {
      '': { name: 'tiny', version: '1.0.0', dependencies },
      'node_modules/typescript': { resolved: 'typescript', link: true },
      typescript: { version: '1.0.0' },
    };
    this.write('package-lock.json', JSON.stringify({ name: 'tiny', version: '1.0.0', lockfileVersion: 3, requires: true, packages }));
    this.write('tsconfig.build.json', JSON.stringify({ compilerOptions, include: ['src'] }));
    this.write('src/hello.ts', "export const hello: string = 'hello';\n");
    this.write('native/CMakeLists.txt', CMAKE);
    this.write('native/src/addon.cc', 'extern "C" int tiny() { return 1; }\n');
    this.write('bin/run.js', RUN);
    this.pin();
  }

  /** Makes the wheels and the two files that pin them. */
  pin(): void {
    const mlx = makeWheel(this.#wheels, {
      name: 'tiny-mlx',
      version: '1.0',
      files: { 'mlx/lib/libmlx.so': 'library', 'mlx/lib/libmlx.dylib': 'library' },
    });
    const model = makeWheel(this.#wheels, { name: 'tiny-model', version: '1.0', files: { 'tiny/model.gguf': MODEL } });
    const pins = Object.fromEntries(LAYOUT.map((key) => [key, [mlx]]));
    this.write('native/mlx.json', JSON.stringify({ version: '1.0', backends: { cpu: pins, metal: pins } }));
    const entry = { file: 'model.gguf', bytes: MODEL.length, sha256: sha256(MODEL), wheel: { ...model, member: 'tiny/model.gguf' } };
    this.write('config/models.json', JSON.stringify({ tiny: entry }));
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** Runs the bootstrap; `onOutput` sees stdout as it grows and may signal the process. */
  run(args: readonly string[], environment: NodeJS.ProcessEnv = {}, onOutput?: (stdout: string, pid: number) => void): Promise<Outcome> {
    return this.spawn([process.execPath, join(this.root, 'bin/bootstrap.js'), ...args], environment, onOutput);
  }

  spawn(
    [program = '', ...args]: readonly string[],
    environment: NodeJS.ProcessEnv,
    onOutput?: (stdout: string, pid: number) => void,
  ): Promise<Outcome> {
    const env = {
      ...process.env,
      SEMANTIC_HOME: this.home,
      SEMANTIC_BACKEND: '',
      PIP_NO_INDEX: '1',
      PIP_FIND_LINKS: this.#wheels,
      npm_config_offline: 'true',
      ...environment,
    };
    const child = spawn(program, args, { cwd: this.root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (child.pid !== undefined) onOutput?.(stdout, child.pid);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((resolve) => child.on('close', (exit) => resolve({ exit, stdout, stderr })));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
