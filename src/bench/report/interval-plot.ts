/** Medians with their intervals as SVG: one row for each, on one axis from 0. */
import { figure } from './figure.js';
import { escapeText, niceSteps, PALETTE } from './line-chart.js';

export interface IntervalRow {
  readonly name: string;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
  /** Which colour; rows of one target have the same. */
  readonly colour: number;
}

export interface IntervalPlot {
  readonly title: string;
  readonly unit: string;
  readonly rows: readonly IntervalRow[];
}

const WIDTH = 760;
const PLOT = { left: 320, right: 730, top: 44 };
/** Of a name, that have room beside the plot. */
const NAME_CHARACTERS = 44;
const ROW = 26;

export function intervalPlot({ title, unit, rows }: IntervalPlot): string {
  const steps = niceSteps(Math.max(0, ...rows.map(({ high }) => high)));
  const bottom = PLOT.top + rows.length * ROW + 6;
  const x = (value: number): number => PLOT.left + ((PLOT.right - PLOT.left) * value) / steps.at(-1)!;
  const text = (at: number, y: number, value: string, anchor: string): string =>
    `<text x="${at.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escapeText(value)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 46}" font-family="sans-serif" font-size="13" fill="#222" role="img">`,
    `<rect width="${WIDTH}" height="${bottom + 46}" fill="#fff"/>`,
    `<text x="12" y="24" font-size="16">${escapeText(title)}</text>`,
    ...steps.flatMap((step) => [
      `<line x1="${x(step).toFixed(1)}" x2="${x(step).toFixed(1)}" y1="${PLOT.top}" y2="${bottom}" stroke="#ddd"/>`,
      text(x(step), bottom + 18, figure(step), 'middle'),
    ]),
    text((PLOT.left + PLOT.right) / 2, bottom + 38, unit, 'middle'),
    ...rows.flatMap(({ name, low, middle, high, colour }, i) => {
      const y = PLOT.top + i * ROW + ROW / 2 + 3;
      const paint = PALETTE[colour % PALETTE.length]!;
      return [
        text(PLOT.left - 10, y + 4, cut(name), 'end'),
        `<line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${y}" y2="${y}" style="stroke:${paint}" stroke-width="3"/>`,
        `<circle cx="${x(middle).toFixed(1)}" cy="${y}" r="5" fill="${paint}"/>`,
      ];
    }),
    '</svg>',
    '',
  ].join('\n');
}

function cut(name: string): string {
  return name.length <= NAME_CHARACTERS ? name : `${name.slice(0, NAME_CHARACTERS - 3)}...`;
}
