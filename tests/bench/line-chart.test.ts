import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineChart, niceSteps } from '../../src/bench/report/line-chart.js';

const chart = { title: 'a & b', xLabel: 'agents', yLabel: 'tokens/s' };

describe('lineChart()', () => {
  test('every series is a line with a dot per point and its name', () => {
    const series = [
      { name: 'ours', points: [1, 2, 4].map((x) => ({ x, y: 100 * x })) },
      { name: '<theirs>', points: [1, 4].map((x) => ({ x, y: 50 })) },
    ];
    const svg = lineChart({ ...chart, series });
    expect(svg.match(/<polyline /g)).toHaveLength(2);
    expect(svg.match(/<circle /g)).toHaveLength(5);
    expect(svg).toContain('>&lt;theirs&gt;</text>');
    expect(svg).toContain('>a &amp; b</text>');
  });

  test('powers of two are equally far apart, and more is higher', () => {
    const svg = lineChart({ ...chart, series: [{ name: 'ours', points: [1, 2, 4].map((x) => ({ x, y: x })) }] });
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
    expect(dots[1]![0] - dots[0]![0]).toBeCloseTo(dots[2]![0] - dots[1]![0]);
    expect(dots.map(([, y]) => y)).toEqual(dots.map(([, y]) => y).toSorted((a, b) => b - a));
  });

  test('names at the ends of lines that meet do not cover each other', () => {
    const series = ['a', 'b', 'c'].map((name) => ({ name, points: [{ x: 1, y: 10 }] }));
    const heights = [...lineChart({ ...chart, series }).matchAll(/y="([\d.]+)" fill/g)].map(([, y]) => Number(y));
    expect(heights).toEqual([heights[0], heights[0]! + 16, heights[0]! + 32]);
  });
});

describe('niceSteps()', () => {
  test('they begin at 0, are equal, few, and cover the largest value', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (largest) => {
        const steps = niceSteps(largest);
        expect(steps[0]).toBe(0);
        expect(steps.at(-1)).toBeGreaterThanOrEqual(largest * (1 - 1e-9));
        expect(steps.length).toBeGreaterThan(1);
        expect(steps.length).toBeLessThan(8);
      }),
    );
  });
});
