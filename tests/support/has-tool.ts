import { execFileSync } from 'node:child_process';

/** Whether a program of the system is installed here; it has to know --version. */
export function hasTool(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
