import type { ResidentBody, ResidentListBody, SwapBody } from '../../client/residency-bodies.js';
import type { ModelResidency, ResidentView } from '../../core/residency/model-residency.js';
import type { SwapReport } from '../../core/residency/swap-report.js';

export function residentBody({ name, isCurrent, isPinned, isLeaving, idleMs, model }: ResidentView): ResidentBody {
  const { contextLength, fingerprint } = model.engine.model;
  const { totalBytes, usedBytes } = model.engine.kv.pool.counts();
  return {
    object: 'model.resident',
    id: name,
    current: isCurrent,
    pinned: isPinned,
    leaving: isLeaving,
    context_length: contextLength,
    fingerprint,
    weight_bytes: model.weightBytes,
    kv_budget_bytes: totalBytes,
    kv_used_bytes: usedBytes,
    loaded_at: Math.floor(model.loadedAt / 1000),
    idle_ms: Math.round(idleMs),
  };
}

export function residentListBody(models: ModelResidency): ResidentListBody {
  return { object: 'list', state: models.state, waiting: models.waiting, data: models.list().map(residentBody) };
}

export function swapBody({ id, from, to, state, states, ms, cut, error }: SwapReport): SwapBody {
  const rounded = states.map((entry) => ({ state: entry.state, ms: Math.round(entry.ms) }));
  return { object: 'model.swap', id, from, to, state, states: rounded, ms: Math.round(ms), cut, error };
}
