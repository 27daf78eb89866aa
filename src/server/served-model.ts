import { suggest } from '../adapters/suggest/suggest.js';
import { SemanticError } from '../core/domain/errors.js';

/** The names that the one model of this daemon answers to: its own, and patterns (`claude-*`) for clients that know only their vendor's. */
export class ServedModel {
  readonly #aliases: readonly RegExp[];

  constructor(
    readonly id: string,
    aliases: readonly string[],
  ) {
    this.#aliases = aliases.map((alias) => new RegExp(`^${alias.split('*').map(escaped).join('.*')}$`, 'i'));
  }

  /** Throws ModelNotFound for any other name. */
  assertServes(wanted: string): void {
    if (wanted === this.id || this.#aliases.some((alias) => alias.test(wanted))) return;
    const hint = suggest(wanted, [this.id]) ?? `This daemon serves ${this.id}. Other names for it: model.aliases.`;
    throw new SemanticError('ModelNotFound', `there is no model "${wanted}" here.`, { param: 'model', hint });
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
