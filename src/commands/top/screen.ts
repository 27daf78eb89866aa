/** The whole screen as lines: figures, then the table or what is open, then what keys do. */
import type { AgentDetailBody } from '../../client/agent-bodies.js';
import { describeAgent } from '../agents/describe-agent.js';
import { describeSequence } from './describe-sequence.js';
import { duration } from './figures.js';
import { clip, fit, type Line, line, wrap } from './line.js';
import { type Row, rowsOf, sortRows } from './rows.js';
import type { Snapshot } from './snapshot.js';
import { summary, title } from './summary.js';
import { drawTable } from './table.js';
import { chosenIndex, type View } from './view.js';

export interface Screen {
  readonly snapshot: Snapshot;
  readonly view: View;
  /** The open agent, as far as it is there. */
  readonly agent: AgentDetailBody | null;
  /** Why the daemon, or the open agent, could not be asked; null when it answered. */
  readonly problem: string | null;
  /** Seconds after which a daemon that gave no new figures is said to be silent. */
  readonly patience: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const KEYS = ['q leave', 'enter open', 't tok/s', 'k kv', 'a age', 'n name', 'again: other way round'];
const DETAIL_KEYS = ['q leave', 'esc back', 'up, down scroll'];
const LEAST_ROWS = 3; // of the table, before figures are left out for it

/** One line less than the screen has: on its last one a terminal would scroll. `now`: seconds since 1970. */
export function drawScreen(screen: Screen, { columns, rows }: Size, now: number): Line[] {
  const { snapshot, view } = screen;
  const height = Math.max(1, rows - 1);
  const body = bodyHeight(snapshot, height);
  const above = [title(snapshot, columns), ...summary(snapshot, columns).slice(0, height - body - 2)].slice(0, Math.max(0, height - 1));
  const middle = view.opened === null ? tableLines(snapshot, view, columns, body) : detailLines(screen, columns, body, now);
  const below = footer(screen, columns, now);
  const lines = [...above, ...middle].slice(0, height - 1);
  const blank = Array.from({ length: height - 1 - lines.length }, () => line(''));
  return [...lines, ...blank, below];
}

/** Rows of the table that fit, for keys that go by pages. */
export function pageRows(snapshot: Snapshot, { rows }: Size): number {
  return Math.max(1, bodyHeight(snapshot, Math.max(1, rows - 1)) - 1);
}

/** Lines between the figures and the last line; figures make room when there are few. */
function bodyHeight(snapshot: Snapshot, height: number): number {
  const figures = snapshot.daemon.fault === null ? 5 : 6;
  return Math.max(Math.min(LEAST_ROWS + 1, height - 2), height - 2 - figures);
}

function tableLines(snapshot: Snapshot, view: View, columns: number, height: number): Line[] {
  const sorted = sortRows(rowsOf(snapshot), view.sort, view.reversed);
  if (sorted.length === 0) return [line(clip('There are no requests and no agents.', columns), 'quiet')];
  const chosen = chosenIndex(view, sorted);
  const [head, ...lines] = drawTable(sorted, view, chosen, columns);
  const room = Math.max(0, height - 1);
  const start = Math.max(0, Math.min(chosen - (room >> 1), lines.length - room));
  return [head!, ...lines.slice(start, start + room)];
}

function detailLines(screen: Screen, columns: number, height: number, now: number): Line[] {
  const row = rowsOf(screen.snapshot).find(({ key }) => key === screen.view.opened);
  const lines = describe(row, screen.agent, now).flatMap((text) => wrap(printable(text), columns));
  const start = Math.max(0, Math.min(screen.view.scroll, lines.length - height));
  return lines.slice(start, start + height).map((text) => line(clip(text, columns)));
}

function describe(row: Row | undefined, agent: AgentDetailBody | null, now: number): string[] {
  if (row === undefined) return agent === null ? ['It is over.'] : describeAgent(agent, now);
  const request = row.sequence === null ? [] : describeSequence(row.sequence);
  if (row.agent === null) return request;
  return [...(agent?.id === row.agent ? describeAgent(agent, now) : [row.agent]), ...request];
}

/** What a client said must not reach the terminal as a command. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
}

function footer({ snapshot, view, problem, patience }: Screen, columns: number, now: number): Line {
  const silence = now - snapshot.time;
  const since = silence < 2 ? '' : ` (these figures are ${duration(silence)} old)`;
  if (problem !== null) return line(clip(`${problem}; asking again${since}`, columns), 'alarm');
  if (silence > patience) return line(clip(`The daemon does not answer${since}`, columns), 'alarm');
  return line(fit(view.opened === null ? KEYS : DETAIL_KEYS, columns), 'quiet');
}
