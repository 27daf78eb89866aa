/** From any name a request may use to the id of a model. */
import { SemanticError } from '../../core/domain/errors.js';
import { suggest } from '../suggest/suggest.js';
import type { Aliases } from './alias-file.js';

export interface ModelNameSources {
  isInstalled(id: string): boolean;
  /** All there are, for suggestions. */
  installed(): readonly string[];
  /** Those that users set; `*` stands for anything. */
  aliases(): Aliases;
  /** Names that could be pulled. */
  catalogue(): readonly string[];
  /** Ids of what is loaded, which need not be installed: a model may be a path. The first is what vendors' names mean. */
  resident(): readonly string[];
  /** Patterns of vendors' names (`claude-*`): setting `model.aliases`. */
  readonly vendors: readonly string[];
}

export class ModelNames {
  readonly #sources: ModelNameSources;
  readonly #vendors: readonly RegExp[];

  constructor(sources: ModelNameSources) {
    this.#sources = sources;
    this.#vendors = sources.vendors.map(patternOf);
  }

  /** Id of a model that is resident or installed: by its id, an alias, an alias with `*` (the longest first), a vendor's name. Throws ModelNotFound. */
  resolve(wanted: string): string {
    if (this.#isThere(wanted)) return wanted;
    const target = aliasTarget(this.#sources.aliases(), wanted);
    if (target !== null) {
      if (this.#isThere(target)) return target;
      throw new SemanticError('ModelNotFound', `[models] "${wanted}" is an alias of ${target}, which is not installed`, {
        param: 'model',
        hint: `Run: semantic models pull ${target}, or semantic models alias set "${wanted}" <model>`,
      });
    }
    const [first] = this.#sources.resident();
    if (first !== undefined && this.#vendors.some((pattern) => pattern.test(wanted))) return first;
    throw this.#notFound(wanted);
  }

  #isThere(id: string): boolean {
    return this.#sources.resident().includes(id) || this.#sources.isInstalled(id);
  }

  #notFound(wanted: string): SemanticError {
    const sources = this.#sources;
    const canPull = sources.catalogue().includes(wanted);
    const plain = [...sources.aliases().keys()].filter((name) => !name.includes('*'));
    const names = [...new Set([...sources.resident(), ...sources.installed(), ...plain])];
    const text = canPull ? `model "${wanted}" is not installed` : `there is no model "${wanted}" here`;
    const hint = canPull ? `Run: semantic models pull ${wanted}` : (suggest(wanted, names) ?? `Known: ${names.join(', ')}.`);
    return new SemanticError('ModelNotFound', `[models] ${text}`, { param: 'model', hint });
  }
}

/** What a name means among the aliases: the one of this name, else the pattern with most letters of its own that fits. */
export function aliasTarget(aliases: Aliases, wanted: string): string | null {
  const exact = aliases.get(wanted);
  if (exact !== undefined) return exact;
  const patterns = [...aliases].filter(([name]) => name.includes('*')).toSorted(([a], [b]) => b.length - a.length);
  return patterns.find(([name]) => patternOf(name).test(wanted))?.[1] ?? null;
}

function patternOf(name: string): RegExp {
  return new RegExp(`^${name.split('*').map(escaped).join('.*')}$`, 'i');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
