import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Checkout, type Outcome } from './checkout.js';

const STEPS = [
  'Installing npm packages',
  'Fetching MLX',
  'Fetching the starter model',
  'Building the native addon',
  'Compiling TypeScript',
];

let checkout: Checkout;
let first: Outcome;

beforeAll(async () => {
  checkout = new Checkout();
  first = await checkout.run(['serve', '--port', '0']);
});

afterAll(() => checkout.remove());

const doneSteps = ({ stderr }: Outcome): string[] => STEPS.filter((step) => stderr.includes(`${step}: done`));

describe('a bare checkout', () => {
  it('is set up completely and then serves with the flags that were given', () => {
    expect(first).toMatchObject({ exit: 0 });
    expect(doneSteps(first)).toEqual(STEPS);
    expect(JSON.parse(first.stdout)).toEqual({ command: 'serve', args: ['--port', '0'] });
    expect(readFileSync(checkout.modelFile, 'utf8')).toBe('a model of few words');
    expect(checkout.has('native/build/semantic.node')).toBe(true);
    expect(checkout.has('dist/hello.js')).toBe(true);
  });

  it('has nothing to do the second time, and says nothing', async () => {
    const again = await checkout.run(['serve', '--', '--exit', '7']);
    expect(again).toEqual({ exit: 7, stdout: '{"command":"serve","args":["--exit","7"]}\n', stderr: '' });
  });

  it('hands SIGTERM to the daemon, which is the same process, and keeps its exit code', async () => {
    let sent = false;
    const outcome = await checkout.run(['serve', '--wait'], {}, (_stdout, pid) => {
      if (!sent) process.kill(pid, 'SIGTERM');
      sent = true;
    });
    expect(outcome).toMatchObject({ exit: 143, stderr: '' });
    expect(outcome.stdout).toContain('stopped cleanly');
  });

  it('ends with npm: a SIGTERM to `npm start` reaches the daemon', async () => {
    let sent = false;
    const outcome = await checkout.spawn(['npm', 'start', '--', '--wait'], {}, (stdout, pid) => {
      if (!sent && stdout.includes('"--wait"')) sent = process.kill(pid, 'SIGTERM');
    });
    expect(outcome.stdout).toContain('stopped cleanly');
  });

  it('refuses an unknown command with exit code 2', async () => {
    expect(await checkout.run(['dance'])).toMatchObject({ exit: 2, stderr: expect.stringContaining('wanted setup, serve') as unknown });
  });
});

describe('a step', () => {
  it('is done again when its stamp is damaged, and no other is', async () => {
    checkout.write('.bootstrap/mlx.stamp', 'garbage');
    expect(doneSteps(await checkout.run(['setup']))).toEqual(['Fetching MLX']);
  });

  it('is done again when what it made is gone', async () => {
    rmSync(checkout.modelFile);
    rmSync(join(checkout.root, 'dist/hello.js'));
    expect(doneSteps(await checkout.run(['setup']))).toEqual(['Fetching the starter model', 'Compiling TypeScript']);
    expect(checkout.has('dist/hello.js')).toBe(true);
  });

  it('is done again when its sources change, and drops what they no longer make', async () => {
    checkout.write('src/second.ts', 'export const second = 2;\n');
    await checkout.run(['setup']);
    expect(checkout.has('dist/second.js')).toBe(true);
    rmSync(join(checkout.root, 'src/second.ts'));
    expect(doneSteps(await checkout.run(['setup']))).toEqual(['Compiling TypeScript']);
    expect(checkout.has('dist/second.js')).toBe(false);
  });

  it('replaces a model file that was changed', async () => {
    writeFileSync(checkout.modelFile, 'A MODEL OF FEW WORDS');
    expect(doneSteps(await checkout.run(['setup']))).toEqual(['Fetching the starter model']);
    expect(readFileSync(checkout.modelFile, 'utf8')).toBe('a model of few words');
  });

  it('leaves packages alone that are reached through a link, even when the lockfile is newer', async () => {
    const packages = join(checkout.root, 'node_modules');
    const elsewhere = join(checkout.root, 'elsewhere');
    renameSync(packages, elsewhere);
    symlinkSync(elsewhere, packages);
    writeFileSync(join(elsewhere, 'witness'), 'still here');
    checkout.write('package-lock.json', `${readFileSync(join(checkout.root, 'package-lock.json'), 'utf8')}\n`);
    expect(doneSteps(await checkout.run(['setup']))).not.toContain('Installing npm packages');
    expect(readFileSync(join(elsewhere, 'witness'), 'utf8')).toBe('still here');
    rmSync(packages);
    renameSync(elsewhere, packages);
  });

  it('takes over the lock of a bootstrap that was killed', async () => {
    checkout.write('.bootstrap/lock', '999999999');
    checkout.write('.bootstrap/compile.stamp', '');
    expect(await checkout.run(['setup'])).toMatchObject({ exit: 0 });
    expect(checkout.has('.bootstrap/lock')).toBe(false);
  });
});

describe('a failure', () => {
  it('names every missing prerequisite at once, with the fix for each platform', async () => {
    const bare = join(checkout.root, 'bare-path');
    mkdirSync(bare, { recursive: true });
    symlinkSync(process.execPath, join(bare, 'node'));
    checkout.write('.bootstrap/mlx.stamp', '');
    const outcome = await checkout.run(['setup'], { PATH: bare, CXX: '' });
    expect(outcome.exit).toBe(8);
    for (const missing of ['Python 3 with pip', 'CMake >= 3.25', 'a C++20 compiler', 'ninja or make'])
      expect(outcome.stderr).toContain(missing);
    for (const platform of ['apt-get install', 'dnf install', 'brew install']) expect(outcome.stderr).toContain(platform);
    expect(await checkout.run(['setup'])).toMatchObject({ exit: 0 });
  });

  it('of the compiler shows the end of its log and where the whole log is', async () => {
    checkout.write('native/src/addon.cc', 'extern "C" int tiny() { return no_such_name; }\n');
    const outcome = await checkout.run(['serve']);
    expect(outcome).toMatchObject({ exit: 10, stdout: '' });
    expect(outcome.stderr).toContain('no_such_name');
    expect(outcome.stderr).toContain(`The whole log: ${join(checkout.root, '.bootstrap/logs/addon.log')}`);
    checkout.write('native/src/addon.cc', 'extern "C" int tiny() { return 2; }\n');
    expect(doneSteps(await checkout.run(['setup']))).toEqual(['Building the native addon']);
  });

  it('of TypeScript shows the error and starts nothing', async () => {
    checkout.write('src/hello.ts', 'export const hello: string = 1;\n');
    const outcome = await checkout.run(['serve']);
    expect(outcome).toMatchObject({ exit: 10, stdout: '' });
    expect(outcome.stderr).toContain('TS2322');
    checkout.write('src/hello.ts', "export const hello: string = 'hello';\n");
    expect(await checkout.run(['setup'])).toMatchObject({ exit: 0 });
  });

  it('of a hash keeps the MLX that was there', async () => {
    const pins = join(checkout.root, 'native/mlx.json');
    writeFileSync(pins, readFileSync(pins, 'utf8').replaceAll(/"sha256":"[0-9a-f]{8}/g, '"sha256":"00000000'));
    const outcome = await checkout.run(['serve']);
    expect(outcome).toMatchObject({ exit: 5, stdout: '' });
    expect(outcome.stderr).toMatch(/tiny-mlx 1\.0 has SHA-256 [0-9a-f]{64}, wanted 00000000/);
    expect(checkout.has('native/deps/mlx/mlx/lib/libmlx.so')).toBe(true);
    checkout.pin();
    expect(await checkout.run(['setup'])).toMatchObject({ exit: 0 });
  });

  it('of a download says so and leaves what was done, so that the next run goes on from there', async () => {
    checkout.write('.bootstrap/mlx.stamp', '');
    const outcome = await checkout.run(['serve'], { PIP_FIND_LINKS: join(checkout.root, 'empty') });
    expect(outcome).toMatchObject({ exit: 5, stdout: '' });
    expect(outcome.stderr).toContain('tiny-mlx 1.0');
    expect(doneSteps(await checkout.run(['setup']))).toContain('Fetching MLX');
  });

  it('of a backend that does not exist here names the choices', async () => {
    expect(await checkout.run(['serve'], { SEMANTIC_BACKEND: 'abacus' })).toMatchObject({
      exit: 8,
      stderr: expect.stringContaining('wanted auto, cpu, metal') as unknown,
    });
  });
});
