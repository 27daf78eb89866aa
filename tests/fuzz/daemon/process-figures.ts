/** What a process holds of the machine: /proc, where there is one. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

export const HAS_PROC = existsSync('/proc/self/fd');

/** Open files by what they are: `socket`, `pipe`, `anon_inode:[eventpoll]`, or a path. */
export function openFiles(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, '')];
    } catch {
      return []; // closed in the meantime
    }
  });
}

/** Bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1_024;
}
