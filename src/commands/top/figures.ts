/** Figures in few characters. */

/** `412`, `41.2`, `4.1`. */
export function rate(value: number): string {
  return value >= 99.95 || value === 0 ? value.toFixed(0) : value.toFixed(1);
}

/** `850 ms`, `2.4 s`; a dash where nothing was measured. */
export function milliseconds(value: number | null): string {
  if (value === null) return '-';
  if (value < 9.95) return `${value.toFixed(1)} ms`;
  return value < 999.5 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** `12 s`, `3 min`, `5 h`, `2 d`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** 0.256 -> `26 %`. */
export function share(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value * 100)} %` : '-';
}
