import type { SentEvent } from './format.js';

/** What a line of a frame of server-sent events says behind `start`, such as `data: `; undefined where none begins so. */
export function frameField(frame: string, start: string): string | undefined {
  return frame
    .split('\n')
    .find((line) => line.startsWith(start))
    ?.slice(start.length);
}

/** The event of a frame that was sent `at`; none where it is a comment or nothing. */
export function eventsOfFrame(frame: string, at: number): readonly SentEvent[] {
  const data = frameField(frame, 'data: ');
  return data === undefined ? [] : [{ at, event: frameField(frame, 'event: ') ?? null, data }];
}
