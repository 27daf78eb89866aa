/** A benchmark as one HTML file that needs no other: facts, a plot for each measure, tables. Light and dark, as the reader's system is. */
import type { BenchmarkBody, SeriesBody } from '../results/schema.js';
import { facts, missing } from './describe.js';
import { intervalPlot, type IntervalRow } from './interval-plot.js';
import { escapeText, lineChart } from './line-chart.js';
import { suiteTables } from './rows.js';

const STYLE = `
:root { color-scheme: light dark; --text: #1c1c1c; --soft: #5c5c5c; --ground: #ffffff; --raised: #f5f5f3; --line: #d9d9d6; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e6; --soft: #a3a3a0; --ground: #161616; --raised: #202020; --line: #3a3a38; } }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1rem 4rem; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { margin-top: 2.5rem; font-size: 1.2rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; }
figure { margin: 0; padding: .5rem; background: var(--raised); border-radius: .4rem; }
figure svg { width: 100%; height: auto; fill: var(--text); }
figure svg > rect { fill: none; } figure svg > line[stroke] { stroke: var(--line); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin-top: 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; } th { color: var(--soft); font-weight: 600; }
@media (prefers-color-scheme: dark) { figure svg polyline, figure svg circle, figure svg text[fill] { filter: brightness(1.6); } }
`;

export function toHtml(benchmark: BenchmarkBody): string {
  const gaps = missing(benchmark);
  const suites = suiteTables(benchmark).map(({ suite, head, rows }) => {
    const plots = plotsOf(benchmark, suite).map((svg) => `<figure>${svg}</figure>`);
    return [
      `<h2>${escapeText(suite)}</h2>`,
      '<div class="plots">',
      ...plots,
      '</div>',
      '<div class="scroll">',
      ...table(head, rows),
      '</div>',
    ].join('\n');
  });
  return [
    '<!doctype html>',
    '<html lang="en">',
    `<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Benchmark ${escapeText(benchmark.id)}</title>`,
    `<style>${STYLE}</style></head>`,
    '<body>',
    `<h1>Benchmark ${escapeText(benchmark.id)}</h1>`,
    '<dl>',
    ...facts(benchmark).map(([name, text]) => `<dt>${escapeText(name)}</dt><dd>${escapeText(text)}</dd>`),
    '</dl>',
    ...suites,
    ...(gaps.length > 0 ? ['<h2>Left out</h2>', '<ul>', ...gaps.map((gap) => `<li>${escapeText(gap)}</li>`), '</ul>'] : []),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[], tag: 'th' | 'td'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join('')}</tr>`;
  return ['<table>', line(head, 'th'), ...rows.map((row) => line(row, 'td')), '</table>'];
}

/** A line over the axis where cases lie on one, else medians with their intervals. */
function plotsOf({ targets, series }: BenchmarkBody, suite: string): string[] {
  const all = series.filter((one) => one.suite === suite);
  const measures = [...new Set(all.map(({ measure }) => measure))];
  return measures.map((measure) => {
    const here = all.filter((one) => one.measure === measure);
    const { unit, x } = here[0]!;
    const title = `${suite}: ${measure}`;
    const places = new Set(here.map((one) => one.x?.value));
    if (x === null || places.size < 2) return intervalPlot({ title, unit, rows: here.map((one) => rowOf(one, targets)) });
    const names = targets.map(({ name }) => name).filter((name) => here.some(({ target }) => target === name));
    return lineChart({
      title,
      xLabel: x.label,
      yLabel: unit,
      series: names.map((name) => ({ name, points: pointsOf(here.filter(({ target }) => target === name)) })),
    });
  });
}

function rowOf({ case: name, target, low, median, high }: SeriesBody, targets: BenchmarkBody['targets']): IntervalRow {
  const colour = Math.max(
    0,
    targets.findIndex((one) => one.name === target),
  );
  return { name: `${target}, ${name}`, low, middle: median, high, colour };
}

function pointsOf(series: readonly SeriesBody[]): { readonly x: number; readonly y: number }[] {
  return series.flatMap(({ x, median }) => (x === null ? [] : [{ x: x.value, y: median }])).sort((a, b) => a.x - b.x);
}
