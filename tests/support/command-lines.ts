/** What `ps` shows to every user of the machine. */
import { readdirSync, readFileSync } from 'node:fs';

/** Command lines, arguments separated by spaces, of a process and all that it has started. */
export function commandLines(pid: number): string[] {
  const processes = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (describe(Number(name)) ?? []) : []));
  const family = new Set([pid]);
  for (let before = 0; before < family.size;) {
    before = family.size;
    for (const one of processes) if (family.has(one.parent)) family.add(one.pid);
  }
  return processes.filter((one) => family.has(one.pid)).map(({ line }) => line);
}

function describe(pid: number): { readonly pid: number; readonly parent: number; readonly line: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(parent), line: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') };
  } catch {
    return null; // it has ended meanwhile
  }
}
