import type { Interval } from '../statistics/bootstrap.js';

/** Three significant digits; a dash where nothing was measured. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '-';
  return Math.abs(value) >= 1000 ? `${Math.round(value)}` : Number(value.toPrecision(3)).toString();
}

/** `+3.1 %`, `-12 %`: a gain of 1 is no change. */
function change(gain: number): string {
  if (Number.isNaN(gain)) return '-';
  const percent = 100 * (gain - 1);
  const digits = Math.abs(percent) < 10 ? percent.toFixed(1) : percent.toFixed(0);
  return `${percent >= 0 ? '+' : ''}${digits} %`;
}

/** `rate, tokens/s`; some measures have no unit. */
export function measureText({ measure, unit }: { readonly measure: string; readonly unit: string }): string {
  return unit === '' ? measure : `${measure}, ${unit}`;
}

interface Beside {
  readonly suite: string;
  readonly case: string;
  readonly measure: string;
  readonly unit: string;
  readonly base: number;
  readonly candidate: number;
  readonly gain: Interval;
}

/** Cells of a table: what was measured, both figures, and the gain. */
export function cellsBeside({ suite, case: name, base, candidate, gain, ...one }: Beside): string[] {
  return [suite, name, measureText(one), figure(base), figure(candidate), gainText(gain)];
}

/** `+3.1 % (-0.4 %..+5.0 %)` */
export function gainText({ low, middle, high }: Interval): string {
  return Number.isNaN(middle) ? '-' : `${change(middle)} (${change(low)}..${change(high)})`;
}
