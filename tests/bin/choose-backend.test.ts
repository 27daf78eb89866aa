import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../bin/bootstrap/bootstrap-error.js';
import { backendWheels, chooseBackend, requireGlibc } from '../../bin/bootstrap/choose-backend.js';
import { nodeProblem } from '../../bin/bootstrap/require-node.js';
import { ERROR_TABLE } from '../../src/core/domain/errors.js';

const linux = { platform: 'linux', arch: 'x64', darwinMajor: 0, nvidiaDriver: 0 };
const mac = { platform: 'darwin', arch: 'arm64', darwinMajor: 25, nvidiaDriver: 0 };

describe('chooseBackend()', () => {
  it('takes metal on a Mac and the CPU on Linux unless asked otherwise', () => {
    expect(chooseBackend('', mac)).toBe('metal');
    expect(chooseBackend('auto', linux)).toBe('cpu');
    expect(chooseBackend('', { ...linux, nvidiaDriver: 590 })).toBe('cpu');
  });

  it('picks the CUDA wheel by the driver', () => {
    expect(chooseBackend('cuda', { ...linux, nvidiaDriver: 590 })).toBe('cuda-13');
    expect(chooseBackend('cuda', { ...linux, nvidiaDriver: 550 })).toBe('cuda-12');
    expect(chooseBackend('cuda-12', { ...linux, nvidiaDriver: 590 })).toBe('cuda-12');
  });

  it('names the choices when it is asked for another', () => {
    expect(() => chooseBackend('rocm', linux)).toThrow('SEMANTIC_BACKEND is "rocm", wanted auto, cpu');
  });
});

describe('backendWheels()', () => {
  it.each([
    ['cpu', linux, 'manylinux_2_35_x86_64'],
    ['cpu', { ...linux, arch: 'arm64' }, 'manylinux_2_35_aarch64'],
    ['metal', mac, 'macosx_26_0_arm64'],
    ['metal', { ...mac, darwinMajor: 23 }, 'macosx_14_0_arm64'],
    ['cuda-13', linux, 'manylinux_2_35_x86_64'],
  ])('pins the %s wheel of each platform by its hash', (backend, machine, platform) => {
    const [first] = backendWheels(backend, machine);
    expect(first).toMatchObject({ name: `mlx-${backend}`, version: '0.32.4', platform });
    expect(first?.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['metal', { ...mac, arch: 'x64' }],
    ['metal', { ...mac, darwinMajor: 22 }],
    ['cpu', { ...linux, platform: 'win32' }],
  ])('says where MLX exists when it does not exist here', (backend, machine) => {
    expect(() => backendWheels(backend, machine)).toThrow(`MLX has no ${backend} backend`);
  });
});

describe('versions', () => {
  it('refuses a C library older than the wheels were built for', () => {
    expect(() => requireGlibc('2.31')).toThrow('wanted glibc 2.35 or newer, got 2.31');
    expect(() => requireGlibc(undefined)).toThrow('another C library');
    expect(() => requireGlibc('2.36')).not.toThrow();
  });

  it('refuses an old Node and takes the oldest supported one', () => {
    expect(nodeProblem('18.20.4')?.message).toContain('wanted Node >= 20.19, got 18.20.4');
    expect(nodeProblem('20.18.9')?.exitCode).toBe(8);
    expect(nodeProblem('20.19.0')).toBeUndefined();
    expect(nodeProblem('24.1.0')).toBeUndefined();
  });

  it('ends with the exit codes of the error table', () => {
    const { StepFailed, ...shared } = EXIT_CODES;
    for (const [code, exit] of Object.entries(shared)) expect(ERROR_TABLE[code as keyof typeof shared].exit).toBe(exit);
    expect(Object.values(ERROR_TABLE).map((row) => row.exit)).not.toContain(StepFailed);
  });
});
