/** A line chart as SVG: one labelled line per series, the horizontal axis in powers of two. */

export interface Series {
  readonly name: string;
  /** Ascending in `x`; x > 0, y >= 0. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const [WIDTH, HEIGHT] = [720, 420];
const PLOT = { left: 72, right: 560, top: 48, bottom: 360 };
/** Told apart on light and on dark. */
export const PALETTE = ['#0b6bcb', '#c2410c', '#15803d', '#7e22ce'];
const LABEL_GAP = 16; // pixels between the names at the ends of two lines

export function lineChart({ title, xLabel, yLabel, series }: LineChart): string {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const steps = niceSteps(Math.max(0, ...series.flatMap(({ points }) => points.map(({ y }) => y))));
  const x = scale(Math.log2(xs[0] ?? 1), Math.log2(xs.at(-1) ?? 2), PLOT.left, PLOT.right);
  const y = scale(0, steps.at(-1)!, PLOT.bottom, PLOT.top);
  const centre = (PLOT.left + PLOT.right) / 2;
  const middle = (PLOT.top + PLOT.bottom) / 2;
  const labels = spread(series.map(({ points }) => y(points.at(-1)?.y ?? 0)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${PLOT.left}" y="28" font-size="16">${escapeText(title)}</text>`,
    ...steps.map((step) => gridLine(y(step), label(step))),
    ...xs.map((value) => text(x(Math.log2(value)), PLOT.bottom + 20, figure(value), 'middle')),
    text(centre, PLOT.bottom + 44, xLabel, 'middle'),
    `<text transform="translate(18 ${figure(middle)}) rotate(-90)" text-anchor="middle">${escapeText(yLabel)}</text>`,
    ...series.flatMap(({ name, points }, i) => {
      const colour = PALETTE[i % PALETTE.length]!;
      const places = points.map((point): [number, number] => [x(Math.log2(point.x)), y(point.y)]);
      const line = places.map(([px, py]) => `${figure(px)},${figure(py)}`).join(' ');
      return [
        `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...places.map(([px, py]) => `<circle cx="${figure(px)}" cy="${figure(py)}" r="3.5" fill="${colour}"/>`),
        `<text x="${PLOT.right + 12}" y="${figure(labels[i]! + 4)}" fill="${colour}">${escapeText(name)}</text>`,
      ];
    }),
    '</svg>',
    '',
  ].join('\n');
}

/** 0, and then equal round steps until `largest` is covered. */
export function niceSteps(largest: number): number[] {
  const rough = Math.max(largest, 1e-9) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate * 5 >= largest * (1 - 1e-12))!;
  return Array.from({ length: Math.max(1, Math.ceil(largest / step - 1e-9)) + 1 }, (_, i) => i * step);
}

/** Moves the names at the ends of lines down until none covers another; in the order they came. */
function spread(wanted: readonly number[]): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  for (let i = 1; i < order.length; i++) {
    placed[order[i]!] = Math.max(placed[order[i]!]!, placed[order[i - 1]!]! + LABEL_GAP);
  }
  return placed;
}

function scale(from: number, to: number, low: number, high: number): (value: number) => number {
  const range = to === from ? 1 : to - from;
  return (value) => low + ((value - from) / range) * (high - low);
}

function gridLine(y: number, label: string): string {
  const line = `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${figure(y)}" y2="${figure(y)}" stroke="#ddd"/>`;
  return `${line}${text(PLOT.left - 8, y + 4, label, 'end')}`;
}

function text(x: number, y: number, value: string, anchor: 'middle' | 'end'): string {
  return `<text x="${figure(x)}" y="${figure(y)}" text-anchor="${anchor}">${escapeText(value)}</text>`;
}

function figure(value: number): string {
  return `${Math.round(value * 10) / 10}`;
}

/** Steps may be as small as what was measured. */
function label(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

/** As text of SVG and HTML. */
export function escapeText(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
