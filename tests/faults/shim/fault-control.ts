/** The page that a test and the shim share: see control.h for what its fields mean. It works at any time, also while the process runs. */
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { buildShim } from './build-shim.js';

/** Bits of `Kind` in control.h. */
export const KIND = { create: 1, write: 2, sync: 4, truncate: 8, name: 16, read: 32, space: 64 } as const;
/** What changes a disk. */
export const CHANGES = KIND.create | KIND.write | KIND.sync | KIND.truncate | KIND.name;

export type Errno = 'ENOSPC' | 'EIO' | 'EROFS' | 'EDQUOT';

/** What refuses when a disk is in this condition. */
const REFUSES: Readonly<Record<Errno, number>> = {
  ENOSPC: KIND.create | KIND.write,
  EDQUOT: KIND.create | KIND.write,
  EIO: CHANGES,
  EROFS: KIND.create | KIND.write | KIND.truncate | KIND.name,
};

const ACTIONS = { none: 0, killBefore: 1, killAfter: 2, killHalf: 3, failOnce: 4, failOn: 5, failHalf: 6 } as const;
export type Fault =
  | { readonly action: 'killBefore' | 'killAfter' | 'killHalf' }
  /** `failOnce`: this call alone. `failOn`: it and all that such a disk refuses after it. `failHalf`: half of it is written first. */
  | { readonly action: 'failOnce' | 'failOn' | 'failHalf'; readonly errno: Errno };

const AT = { clock: 0, failWith: 8, failKinds: 12, calls: 16, at: 24, action: 32, actionErrno: 36, failed: 40, countKinds: 48, end: 4096 };

export interface LoggedCall {
  readonly n: number;
  readonly kind: number;
  /** Such as `pwrite`. */
  readonly name: string;
  readonly bytes: number;
  /** Below the directory watched. */
  readonly path: string;
}

export class FaultControl {
  readonly #file: string;
  readonly #log: string;
  readonly #fd: number;

  /** `scratch`: an existing directory outside the one watched. `directory`: as the kernel names it, without symbolic links. */
  constructor(
    scratch: string,
    private readonly directory: string,
  ) {
    this.#file = join(scratch, 'control');
    this.#log = join(scratch, 'calls.log');
    writeFileSync(this.#file, new Uint8Array(AT.end));
    writeFileSync(this.#log, '');
    this.#fd = openSync(this.#file, 'r+');
    this.count(CHANGES);
  }

  /** For the process under test. */
  get env(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: buildShim(), FAULTS_CONTROL: this.#file, FAULTS_LOG: this.#log, FAULTS_DIR: this.directory };
  }

  /** Which kinds of calls are counted and logged, and may have a fault. */
  count(kinds: number): void {
    this.#put32(AT.countKinds, kinds);
  }

  /** The fault comes with the `n`th call from now, 1 being the next. */
  arm(n: number, fault: Fault): void {
    const errno = 'errno' in fault ? fault.errno : null;
    this.#put32(AT.actionErrno, errno === null ? 0 : constants.errno[errno]);
    this.#put32(AT.failKinds, errno === null ? 0 : REFUSES[errno]);
    this.#put32(AT.action, ACTIONS[fault.action]);
    this.#put64(AT.at, BigInt(this.calls + n));
  }

  /** From now on. `isSpaceSeen`: statfs() tells of it too. */
  refuse(errno: Errno, { isSpaceSeen = false } = {}): void {
    this.#put32(AT.failKinds, REFUSES[errno] | (isSpaceSeen ? KIND.space : 0));
    this.#put32(AT.failWith, constants.errno[errno]);
  }

  /** These kinds of calls alone fail from now on. */
  refuseKinds(errno: Errno, kinds: number): void {
    this.#put32(AT.failKinds, kinds);
    this.#put32(AT.failWith, constants.errno[errno]);
  }

  /** The disk is well again, and no fault is to come. */
  heal(): void {
    this.#put64(AT.at, 0n);
    this.#put32(AT.failWith, 0);
  }

  /** The time of day jumps to this many seconds from what it is. */
  shiftClock(seconds: number): void {
    this.#put64(AT.clock, BigInt(seconds));
  }

  /** Counted so far, by all processes with this control. */
  get calls(): number {
    return Number(this.#get64(AT.calls));
  }

  /** Made to fail so far. */
  get failed(): number {
    return Number(this.#get64(AT.failed));
  }

  log(): readonly LoggedCall[] {
    const lines = readFileSync(this.#log, 'utf8').split('\n').slice(0, -1);
    const calls = lines.map((line): LoggedCall => {
      const [n = '', kind = '', name = '', bytes = '', ...path] = line.split(' ');
      return { n: Number(n), kind: Number(kind), name, bytes: Number(bytes), path: path.join(' ') };
    });
    return calls.sort((a, b) => a.n - b.n);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #put32(at: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    writeSync(this.#fd, bytes, 0, 4, at);
  }

  #put64(at: number, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    writeSync(this.#fd, bytes, 0, 8, at);
  }

  #get64(at: number): bigint {
    const bytes = Buffer.alloc(8);
    readSync(this.#fd, bytes, 0, 8, at);
    return bytes.readBigInt64LE();
  }
}
