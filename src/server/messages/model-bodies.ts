/** Models as the Messages API lists them. */
import type { ResidentModel } from '../../core/residency/resident-model.js';

export function modelInfo({ name, engine, loadedAt }: ResidentModel): object {
  const { contextLength } = engine.model;
  return {
    type: 'model',
    id: name,
    display_name: name,
    created_at: new Date(Math.floor(loadedAt / 1000) * 1000).toISOString(),
    max_input_tokens: contextLength,
    max_tokens: contextLength,
    capabilities: null,
    deprecated_at: null,
    lifecycle: 'active',
    line: null,
    retires_at: null,
  };
}

/** All there are: one page. */
export function modelPage(models: readonly ResidentModel[]): object {
  return { data: models.map(modelInfo), has_more: false, first_id: models[0]?.name ?? null, last_id: models.at(-1)?.name ?? null };
}
