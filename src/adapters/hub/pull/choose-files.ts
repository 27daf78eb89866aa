/** Which files of a repository or folder a model needs: weights in one format, and what goes with them. */
import { SemanticError } from '../../../core/domain/errors.js';

const WEIGHTS = /^model.*\.safetensors$/;
const GGUF = /\.gguf$/i;
const SPLIT_GGUF = /-\d{5}-of-\d{5}\.gguf$/i;
/** Configuration, tokenizer, template, pooling; not weights of other formats, nor their index. */
const BESIDE = /^([^/]+\.(json|jinja|txt)|tokenizer\.model|1_Pooling\/config\.json)$/;
const NOT_BESIDE = /\.bin\.index\.json$|^(training_args|trainer_state|optimizer|all_results|train_results|eval_results)/;

export interface ChosenFiles {
  readonly format: 'safetensors' | 'gguf';
  readonly paths: readonly string[];
}

/** `origin`: for messages. `pick`: see `HubSource`. Throws InvalidRequest that lists the GGUF files where one has to be named, ModelUnsupported. */
export function chooseFiles(origin: string, paths: readonly string[], pick: string | null): ChosenFiles {
  const weights = paths.filter((path) => WEIGHTS.test(path));
  const ggufs = paths.filter((path) => GGUF.test(path));
  if (pick !== null) return { format: 'gguf', paths: [pickGguf(origin, ggufs, pick)] };
  if (weights.length > 0) return { format: 'safetensors', paths: [...weights, ...paths.filter(goesWith)] };
  if (ggufs.length === 1) return { format: 'gguf', paths: [pickGguf(origin, ggufs, ggufs[0]!)] };
  if (ggufs.length > 1) throw whichGguf(origin, ggufs, 'holds several GGUF files, and one has to be named');
  throw new SemanticError('ModelUnsupported', `[pull] ${origin} has no model*.safetensors and no .gguf among its ${paths.length} files`, {
    hint: 'Weights in other formats (.bin, .pt, .onnx) are not read.',
  });
}

function goesWith(path: string): boolean {
  return BESIDE.test(path) && !NOT_BESIDE.test(path);
}

function pickGguf(origin: string, ggufs: readonly string[], pick: string): string {
  const part = new RegExp(`(^|[^a-z0-9])${pick.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}([^a-z0-9]|$)`, 'i');
  const exact = ggufs.filter((path) => path === pick);
  const found = exact.length > 0 ? exact : ggufs.filter((path) => part.test(path.replace(GGUF, '')));
  const [one] = found;
  if (one === undefined) throw whichGguf(origin, ggufs, `has no GGUF file like "${pick}"`);
  if (found.length > 1 && !found.every((path) => SPLIT_GGUF.test(path)))
    throw whichGguf(origin, found, `has several GGUF files like "${pick}"`);
  if (!SPLIT_GGUF.test(one)) return one;
  throw new SemanticError('ModelUnsupported', `[pull] ${one} of ${origin} is split into several files, which are not read`, {
    hint: 'Choose a file that is not split.',
  });
}

function whichGguf(origin: string, ggufs: readonly string[], what: string): SemanticError {
  return new SemanticError('InvalidRequest', `[pull] ${origin} ${what}: ${ggufs.length === 0 ? 'there is none' : ggufs.join(', ')}`, {
    param: 'source',
    hint: 'Put the name after a colon: hf:owner/name:file.gguf, or a part of it such as :Q4_0.',
  });
}
