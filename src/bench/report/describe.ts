/** What a reader has to know before the figures: when, on what machine, of which servers, and what is missing. */
import type { BenchmarkBody } from '../results/schema.js';

export function facts({
  id,
  createdAt,
  label,
  machine,
  settings,
  targets,
  seconds,
}: BenchmarkBody): readonly (readonly [string, string])[] {
  const gigabytes = (machine.memoryBytes / 1e9).toFixed(0);
  return [
    ['benchmark', label === null ? id : `${id} (${label})`],
    ['measured', `${createdAt}, in ${Math.round(seconds)} s`],
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${gigabytes} GB, ${machine.os}, Node ${machine.node.replace(/^v/, '')}`],
    [
      'load before',
      `${machine.loadAverage.toFixed(2)}${machine.loadAverage > BUSY * machine.cores ? ': the machine was busy, figures are not to be trusted' : ''}`,
    ],
    ['rounds', `${settings.rounds}, after ${settings.warmUps} to warm up; seed ${settings.seed}${settings.quick ? '; quick' : ''}`],
    [
      'intervals',
      `${100 * settings.confidence} % of ${settings.resamples} bootstrap medians; a gain is of pairs measured in the same round`,
    ],
    ...targets.map(({ name, model, facts: more }): [string, string] => [
      name,
      [model, ...Object.entries(more).map(([key, value]) => `${key} ${value}`)].join(', '),
    ]),
  ];
}

/** Share of the cores that are busy before anything is measured, from which on figures mean little. */
const BUSY = 0.25;

export function missing({ skipped, failures, complete }: BenchmarkBody): readonly string[] {
  return [
    ...failures.map(
      ({ suite, target, code, message }) => `${target} failed in ${suite} and was left out from there on: ${message} (${code})`,
    ),
    ...skipped.map(({ suite, target, reason }) => `${suite} of ${target} was left out: ${reason}`),
    ...(complete || failures.length > 0 ? [] : ['It was ended before all was measured.']),
  ];
}
