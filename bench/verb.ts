/** A verb of the bench: what it measures, the flags it takes, and how it comes to its tables. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

import { locateModel } from '#src/adapters/hub/locate-model.js';

import type { Compute, ExecutorKind, KvFormat } from '../native/index.js';
import type { OursOptions } from './ours.js';
import type { Table } from './table.js';

/** Flags and their values as text; '' = not given. */
export type Flags = Readonly<Record<string, string>>;

export interface Verb<F extends Flags = Flags> {
  readonly summary: string;
  /** Every flag it takes, with its default. */
  readonly flags: F;
  run(flags: F, progress: Progress): Promise<readonly Table[]>;
}

/** Takes a line for whoever waits. */
export type Progress = (line: string) => void;

/** Infers the flags' names. */
export function verb<F extends Flags>(definition: Verb<F>): Verb<F> {
  return definition;
}

/** Flags of whatever runs our engine. */
export const ENGINE = {
  model: 'smollm2-135m-instruct',
  threads: `${availableParallelism()}`,
  executor: 'cpu',
  kv: 'f16',
  compute: 'exact',
};

export function engineOptions(flags: typeof ENGINE): OursOptions {
  return {
    model: locateModel(flags.model).path,
    threads: Number(flags.threads),
    executor: flags.executor as ExecutorKind,
    kvFormat: flags.kv as KvFormat,
    compute: flags.compute as Compute,
  };
}

/** The command of users, and the flags that give its daemon the same engine. */
export const BINARY = fileURLToPath(new URL('../../../bin/run.js', import.meta.url)); // from bench/dist/bench

export function daemonFlags({ threads, executor, compute }: typeof ENGINE): string[] {
  return ['--threads', threads, '--executor', executor, '--compute', compute];
}

/** `1,2,4` */
export function numbers(list: string): number[] {
  return list.split(',').map(Number);
}
