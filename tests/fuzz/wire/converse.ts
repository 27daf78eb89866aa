/** One connection: what is sent, piece by piece, and all that comes back. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the daemon listens. */
export interface Door {
  readonly port: number;
  readonly socket: string;
}

export interface Script {
  readonly door: 'tcp' | 'unix';
  readonly pieces: readonly Buffer[];
  /** Between pieces. */
  readonly pauseMs: number;
  /**
   * `wait`: for the end of the answer. `half`: says that nothing more comes, then waits. `cut`: gone when all is sent. `cut-answer`: gone
   * with the first byte of the answer. `stall`: takes nothing for a while, then is gone.
   */
  readonly ending: 'wait' | 'half' | 'cut' | 'cut-answer' | 'stall';
}

export interface Heard {
  readonly bytes: Buffer;
  /** The server closed. */
  readonly hasEnded: boolean;
  /** It took longer than there is patience for. */
  readonly isLate: boolean;
}

const STALL_MS = 300;

/** `isDone`: whether nothing more is waited for, although the server keeps the connection. */
export async function converse(door: Door, script: Script, isDone: (bytes: Buffer) => boolean, patienceMs: number): Promise<Heard> {
  const socket = script.door === 'tcp' ? connect(door.port, '127.0.0.1') : connect(door.socket);
  const parts: Buffer[] = [];
  let hasEnded = false;
  const over = new Promise<'over'>((resolve) => {
    const end = (): void => {
      hasEnded = true;
      resolve('over');
    };
    socket.on('error', () => undefined); // a reset: what was sent before it counts
    socket.once('end', end).once('close', end);
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      if (script.ending === 'cut-answer' || isDone(Buffer.concat(parts))) resolve('over');
    });
  });
  const patience = new AbortController();
  const late = sleep(patienceMs, 'late' as const, { signal: patience.signal }).catch(() => 'over' as const);
  if (script.ending === 'stall') socket.pause();
  const sent = send(socket, script, () => hasEnded);
  const way = await Promise.race([late, script.ending === 'cut' || script.ending === 'stall' ? sent : sent.then(() => over)]);
  patience.abort();
  socket.destroy();
  return { bytes: Buffer.concat(parts), hasEnded, isLate: way === 'late' };
}

async function send(socket: Socket, { pieces, pauseMs, ending }: Script, isOver: () => boolean): Promise<'sent'> {
  for (const [i, piece] of pieces.entries()) {
    if (isOver()) return 'sent';
    if (i > 0) await sleep(pauseMs);
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
  }
  if (ending === 'half') socket.end();
  if (ending === 'stall') await sleep(STALL_MS);
  return 'sent';
}
