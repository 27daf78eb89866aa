/** A home and a folder to work in of a client's own: nothing of the user's is read or written. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class ClientHome {
  readonly path = mkdtempSync(join(tmpdir(), 'semantic-client-'));
  readonly work = join(this.path, 'work');

  constructor() {
    mkdirSync(this.work);
  }

  write(name: string, text: string): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Nothing but this machine can be reached: whatever else a client asks for fails at once. */
export const LOOPBACK_ONLY = {
  HTTP_PROXY: 'http://127.0.0.1:9',
  HTTPS_PROXY: 'http://127.0.0.1:9',
  NO_PROXY: '127.0.0.1,localhost',
};
