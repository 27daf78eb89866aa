import type { RecordingBody } from '../../client/recording-bodies.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';

const ENDINGS: Readonly<Record<RecordingBody['state'], string>> = {
  off: 'there was none',
  recording: 'it goes on',
  complete: 'it was ended',
  full: 'it ended: it is as large as it may be',
  failed: 'it ended: it could not be written',
};

/** What there is in the end, for a reader. */
export function describeRecording({ state, directory, exchanges, dropped, bytes }: RecordingBody): string[] {
  const lost = dropped === 0 ? [] : [`  dropped   ${formatCount(dropped, 'exchange')}: the disk was slower than what came`];
  return [
    `recorded ${formatCount(exchanges, 'exchange')}, ${formatBytes(bytes)}`,
    `  folder    ${directory ?? '-'}`,
    `  state     ${ENDINGS[state]}`,
    ...lost,
  ];
}
