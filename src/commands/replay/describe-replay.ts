/** A replay for a reader: figures first, then what differs, then the verdict. */
import type { Comparison } from '../../client/replay/compare.js';
import type { Change, ReplayReport } from '../../client/replay/report.js';
import { formatCount } from '../format/count.js';
import { formatTable } from '../format/table.js';

const MOST_SHOWN = 20;

export function describeReplay(report: ReplayReport): string[] {
  const { cache, cancelled, differences, exchanges, failed, recordedModel, replayedModel, shapes, tokens, uncompared, verdicts } = report;
  const rows = [
    ['model', `${replayedModel ?? 'unknown'}, recorded was ${recordedModel?.name ?? 'that of somebody else'}`],
    [
      'answers',
      `${exchanges - uncompared} compared, ${uncompared} without text of a model, ${failed} failed, ${cancelled} left as they were then`,
    ],
    ['tokens', tokens.differing === 0 ? 'none differs' : `${tokens.differing} differ, in ${formatCount(tokens.answers, 'answer')}`],
    ['shapes', shapes.differing === 0 ? 'none differs' : `${formatCount(shapes.differing, 'answer')} of another shape`],
    ['cache', `${cache.replayed} prompt tokens found, recorded were ${cache.recorded}${cache.lost === 0 ? '' : `, ${cache.lost} lost`}`],
    ['first byte', change(report.ttftMs)],
    ['whole answer', change(report.totalMs)],
  ];
  return [
    `replayed ${formatCount(exchanges, 'exchange')} against ${report.target} at the speed ${report.speed}`,
    ...rows.map(([name, value]) => `  ${name!.padEnd(13)} ${value}`),
    ...table(differences),
    ...(verdicts.length === 0 ? ['As it was recorded.'] : verdicts.map((verdict) => `Not as it was recorded: ${verdict}.`)),
  ];
}

function table(differences: readonly Comparison[]): string[] {
  if (differences.length === 0) return [];
  const rows = differences.slice(0, MOST_SHOWN).map((one) => [one.id, `${one.method} ${one.path}`, told(one)]);
  const more = differences.length > MOST_SHOWN ? [`  and ${differences.length - MOST_SHOWN} more`] : [];
  return [...formatTable(['ID', 'REQUEST', 'DIFFERENCE'], rows).map((line) => `  ${line}`), ...more];
}

function told({ failed, differing, comparedBy, firstDifference, shape, cached }: Comparison): string {
  const unit = comparedBy === 'ids' ? 'tokens' : 'characters';
  return [
    ...(failed === null ? [] : [failed]),
    ...(differing === 0 ? [] : [`${differing} ${unit} differ, from ${firstDifference} on`]),
    ...(shape === null ? [] : [`${shape.replayed} (was ${shape.recorded})`]),
    ...(cached === null || cached.replayed >= cached.recorded ? [] : [`${cached.replayed} tokens cached (were ${cached.recorded})`]),
  ].join('; ');
}

function change({ recorded, replayed }: Change): string {
  if (recorded === null || replayed === null) return 'no times to compare';
  const percent = recorded === 0 ? 0 : Math.round((100 * (replayed - recorded)) / recorded);
  return `median ${replayed.toFixed(1)} ms, recorded ${recorded.toFixed(1)} ms (${percent > 0 ? '+' : ''}${percent} %)`;
}
