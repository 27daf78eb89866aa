import { SemanticError } from '../../core/domain/errors.js';
import { suggest } from '../suggest/suggest.js';
import { changeAliases } from './alias-file.js';

/** As clients send names: no white space, nothing that a path or a source of a pull begins with. */
const NAME = /^[A-Za-z0-9*][\w.*:@/+-]{0,127}$/;

export interface Alias {
  readonly name: string;
  /** Id of an installed model. */
  readonly model: string;
}

export interface ChangedAlias extends Alias {
  /** What the name meant before. */
  readonly before: string | null;
}

/** `model` is an id or an alias of `installed`. What the name meant before is replaced. */
export async function setAlias(path: string, { name, model }: Alias, installed: readonly string[]): Promise<ChangedAlias> {
  if (!NAME.test(name)) {
    throw new SemanticError('InvalidRequest', `[aliases] ${JSON.stringify(name)} cannot be a name of a model`, {
      param: 'name',
      hint: 'A name has 1 to 128 letters, digits and ._:@/+-, begins with a letter or digit, and * in it stands for anything.',
    });
  }
  if (installed.includes(name)) {
    throw new SemanticError('InvalidRequest', `[aliases] ${name} is a model that is installed; an alias of that name would never count`, {
      param: 'name',
      hint: 'Choose another name.',
    });
  }
  let before: string | null = null;
  let id = model;
  await changeAliases(path, (aliases) => {
    const target = installed.includes(model) ? model : aliases.get(model);
    if (target === undefined || !installed.includes(target)) {
      throw new SemanticError('ModelNotFound', `[aliases] no model "${model}" is installed`, {
        param: 'model',
        hint: suggest(model, installed) ?? 'See semantic models ls.',
      });
    }
    id = target;
    before = aliases.get(name) ?? null;
    return new Map([...aliases, [name, target]]);
  });
  return { name, model: id, before };
}

/** Throws ModelNotFound where there is none of this name. */
export async function removeAlias(path: string, name: string): Promise<Alias> {
  let removed: Alias | null = null;
  await changeAliases(path, (aliases) => {
    const model = aliases.get(name);
    if (model === undefined) {
      throw new SemanticError('ModelNotFound', `[aliases] there is no alias ${name}`, {
        param: 'name',
        hint: suggest(name, [...aliases.keys()]) ?? 'See semantic models alias ls.',
      });
    }
    removed = { name, model };
    return new Map([...aliases].filter(([one]) => one !== name));
  });
  return removed!;
}
