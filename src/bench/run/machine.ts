/** Facts of the machine that figures were measured on. */
import { arch, availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import type { MachineFacts } from '../results/schema.js';

/** As they are now, at the start of a run. */
export function machineFacts(): MachineFacts {
  const [processor] = cpus();
  return {
    cpu: processor?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    os: `${type()} ${release()} ${arch()}`,
    node: process.version,
    loadAverage: loadavg()[0] ?? 0,
  };
}
