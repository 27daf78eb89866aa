import type { BigIntStats } from 'node:fs';

/** Another text whenever the file may be another. The time of the last change of the inode is among it: that one cannot be set back. */
export function fileState({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string {
  return [size, mtimeNs, ctimeNs, ino, dev].join(' ');
}
