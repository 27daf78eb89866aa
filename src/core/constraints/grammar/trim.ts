/** Takes away what can never come to an end: states, and rules that derive no text. Such a rule is left without a state. */
import type { Dfa, DfaState } from './dfa.js';

export function* trim(rules: readonly Dfa[]): Generator<void, Dfa[], void> {
  const live = yield* liveStates(rules);
  const isRule = (rule: number): boolean => live[rule]![0] === true;
  return rules.map((dfa, rule) => (isRule(rule) ? reachable(dfa, (state) => live[rule]![state]!, isRule) : []));
}

/** By rule and state: whether some text leads from there to the end of the rule. */
function* liveStates(rules: readonly Dfa[]): Generator<void, boolean[][], void> {
  const live = rules.map((dfa) => dfa.map(({ accepts }) => accepts));
  for (let changed = true; changed;) {
    yield;
    changed = false;
    // Rules come after those that name them, most of the time.
    for (let rule = rules.length - 1; rule >= 0; rule--) {
      const [dfa, of] = [rules[rule]!, live[rule]!];
      for (let s = dfa.length - 1; s >= 0; s--) {
        if (of[s]) continue;
        const { bytes, rules: edges } = dfa[s]!;
        of[s] = bytes.some(({ to }) => of[to]) || edges.some((edge) => of[edge.to] && live[edge.rule]![0]);
        changed ||= of[s]!;
      }
    }
  }
  return live;
}

function reachable(dfa: Dfa, isLive: (state: number) => boolean, isRule: (rule: number) => boolean): Dfa {
  const kept = [0];
  const indices = new Map([[0, 0]]);
  const indexOf = (state: number): number => {
    const known = indices.get(state);
    if (known !== undefined) return known;
    indices.set(state, kept.length);
    kept.push(state);
    return kept.length - 1;
  };
  const states: DfaState[] = [];
  for (let i = 0; i < kept.length; i++) {
    const { bytes, rules, accepts } = dfa[kept[i]!]!;
    states.push({
      bytes: bytes.filter(({ to }) => isLive(to)).map((edge) => ({ ...edge, to: indexOf(edge.to) })),
      rules: rules.filter((edge) => isLive(edge.to) && isRule(edge.rule)).map((edge) => ({ ...edge, to: indexOf(edge.to) })),
      accepts,
    });
  }
  return states;
}
