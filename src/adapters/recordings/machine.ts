import { arch, cpus, platform, totalmem } from 'node:os';
import type { z } from 'zod';
import type { machineSchema } from './format.js';

/** Facts of this machine that say what times are worth, and nothing of whose it is. */
export function machineFacts(backend: string | null): z.output<typeof machineSchema> {
  const all = cpus();
  return {
    platform: platform(),
    arch: arch(),
    cpus: all.length,
    cpu: all[0]?.model.trim() ?? '',
    memoryBytes: totalmem(),
    node: process.version,
    backend,
  };
}
