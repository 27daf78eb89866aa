/** Where windowed layers forget, a prompt being read leaves forks at rest behind, every so many tokens. */
import { isKept } from './departures.js';
import type { EngineParts } from './engine-parts.js';
import type { SchedulerPlan } from './scheduler.js';

export async function markRestorePoints({ entries }: SchedulerPlan, parts: EngineParts): Promise<void> {
  const { kept, limits, live, model, scheduler } = parts;
  const every = limits.restorePointTokens;
  if (!model.cache.isWindowed || every === 0) return;
  for (const { id, sequence, tokens, sample } of entries) {
    const { cancelled, request } = live.get(id);
    const { lease, numKvTokens, prompt } = scheduler.running(id);
    const passed = Math.floor(numKvTokens / every) > Math.floor((numKvTokens - tokens.length) / every);
    if (sample || !passed || cancelled || !isKept(request)) continue;
    const { persist, pinned, relation, scope, sessionId } = request;
    const [read, passing] = [prompt.subarray(0, numKvTokens), relation === 'beside'];
    const running = { scope, sessionId, sequence, tokens: read, awaitsTool: false, pinned, passing, lease };
    await kept.mark(running, persist === 'disk');
  }
}
