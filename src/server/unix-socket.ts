/** The daemon's Unix socket: a path that fits, in a folder only its owner can enter, not taken by a living daemon. */
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { SemanticError } from '../core/domain/errors.js';

/** Bytes of sun_path without its final zero. */
const MAX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;

export async function prepareSocket(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_PATH_BYTES) {
    throw new SemanticError(
      'ConfigInvalid',
      `[server] the socket path has ${bytes} bytes, a Unix socket's may have ${MAX_PATH_BYTES}: ${path}`,
      {
        hint: 'Set server.socket (--socket) to a shorter path.',
        param: 'server.socket',
      },
    );
  }
  const folder = dirname(path);
  const isNew = mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined;
  if (isNew) chmodSync(folder, 0o700);
  if (!existsSync(path)) return;
  if (await answers(path)) {
    throw new SemanticError('DaemonRunning', `[server] a daemon already serves ${path}`, {
      hint: 'Stop it, or start this one with another --socket.',
    });
  }
  rmSync(path); // left behind by a daemon that was killed
}

/** Whether somebody accepts connections there. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
