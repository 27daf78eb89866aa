import { execFileSync } from 'node:child_process';

/** Whether a program of the system is installed here; `question` is what it answers with success. */
export function hasTool(name: string, question = '--version'): boolean {
  try {
    execFileSync(name, [question], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
