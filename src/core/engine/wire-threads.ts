/**
 * Which of a client's requests are the conversation of its agent. Clients ask for titles, topics and summaries beside it, under the same
 * name, some at the same time and some before it; so the conversation is the one that goes on. Where that is not to be seen yet it is
 * the longest one, and what was taken wrongly is put right by the next turn.
 */
import { charactersOf, endOf, goesOnFrom, type Outline, type OutlineEnd, sharedCharacters } from '../domain/outline.js';
import type { Relation } from '../domain/request.js';

/** The conversation of an agent, as its record has it. */
export interface RecordedThread {
  readonly outline: Outline;
  readonly turns: number;
}

interface Threads {
  readonly main: Outline;
  /** It has gone on once: a longer request does not take its place. */
  readonly hasGoneOn: boolean;
  /** Requests beside it, and what was taken for it before; the last one last. */
  readonly others: readonly OutlineEnd[];
}

const REMEMBERED_OTHERS = 8;

export class WireThreads {
  /** By agent, the least recently used first. */
  readonly #threads = new Map<string, Threads>();

  constructor(private readonly most: number) {}

  /** How a request stands to the conversation of its agent; whatever does not come beside it is that conversation from now on. */
  place(id: string, now: Outline, recorded: () => RecordedThread | null): Relation {
    const known = this.#threads.get(id) ?? fromRecord(recorded());
    const { relation, threads } = known === null ? first(now) : placed(known, now);
    this.#threads.delete(id);
    this.#threads.set(id, threads);
    if (this.#threads.size > this.most) this.#threads.delete(this.#threads.keys().next().value!);
    return relation;
  }

  forget(id: string): void {
    this.#threads.delete(id);
  }
}

interface Placed {
  readonly relation: Relation;
  readonly threads: Threads;
}

function fromRecord(recorded: RecordedThread | null): Threads | null {
  return recorded === null ? null : { main: recorded.outline, hasGoneOn: recorded.turns > 1, others: [] };
}

function first(now: Outline): Placed {
  return { relation: 'continues', threads: { main: now, hasGoneOn: false, others: [] } };
}

function placed(known: Threads, now: Outline): Placed {
  const { main, hasGoneOn, others } = known;
  const isLonger = (end: OutlineEnd): boolean => now.hashes.length > end.parts;
  const before = endOf(main);
  if (goesOnFrom(before, now)) {
    return { relation: 'continues', threads: { main: now, hasGoneOn: hasGoneOn || isLonger(before), others } };
  }
  const resumed = others.findLast((end) => goesOnFrom(end, now) && isLonger(end));
  if (resumed !== undefined) {
    const rest = others.filter((end) => end !== resumed);
    return { relation: 'continues', threads: { main: now, hasGoneOn: true, others: remember(rest, before) } };
  }
  const shared = sharedCharacters(main, now);
  const isMostlyShared = shared > 0 && 2 * shared >= Math.min(charactersOf(main), charactersOf(now));
  const takesOver = !hasGoneOn && charactersOf(now) > charactersOf(main);
  if (isMostlyShared || takesOver) {
    return {
      relation: 'branches',
      threads: { main: now, hasGoneOn: hasGoneOn && isMostlyShared, others: remember(others, before) },
    };
  }
  return { relation: 'beside', threads: { main, hasGoneOn, others: remember(others, endOf(now)) } };
}

function remember(others: readonly OutlineEnd[], end: OutlineEnd): OutlineEnd[] {
  return [...others.filter(({ hash }) => hash !== end.hash), end].slice(-REMEMBERED_OTHERS);
}
