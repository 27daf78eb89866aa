import type { Checkpoint, TensorInfo } from '../domain/checkpoint.js';
import type { TensorRef } from '../domain/decoder-spec.js';
import { SemanticError } from '../domain/errors.js';

export const FLOAT_DTYPES: readonly string[] = ['F32', 'F16', 'BF16'];

/** Finds the checkpoint's tensors by name and checks what is found, so that a broken file fails before it is loaded. */
export class TensorLookup {
  constructor(
    private readonly architecture: string,
    private readonly tensors: Checkpoint['tensors'],
  ) {}

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** Throws ModelFileCorrupt when the tensor is not there. */
  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info === undefined) throw this.corrupt(name, 'this tensor', 'none of that name');
    return info;
  }

  /** Throws unless dtype is one of `dtypes` and the shape is exactly `shape`. */
  expect(name: string, dtypes: readonly string[], shape: readonly number[]): void {
    const info = this.info(name);
    if (!dtypes.includes(info.dtype)) {
      throw new SemanticError(
        'ModelUnsupported',
        `[models.${this.architecture}] tensor "${name}": wanted ${dtypes.join(', ')}, got ${info.dtype}`,
      );
    }
    if (info.shape.length !== shape.length || info.shape.some((n, i) => n !== shape[i])) {
      throw this.corrupt(name, `shape [${shape.join(', ')}]`, `[${info.shape.join(', ')}]`);
    }
  }

  /** A float tensor of exactly this shape, as it stands. */
  floats(name: string, shape: readonly number[]): TensorRef {
    this.expect(name, FLOAT_DTYPES, shape);
    return { name, ops: [] };
  }

  corrupt(name: string, wanted: string, got: string): SemanticError {
    return new SemanticError('ModelFileCorrupt', `[models.${this.architecture}] tensor "${name}": wanted ${wanted}, got ${got}`, {
      hint: 'The files do not fit together: fetch the model again.',
    });
  }

  unsupported(name: string, problem: string): SemanticError {
    return new SemanticError('ModelUnsupported', `[models.${this.architecture}] tensor "${name}": ${problem}`);
  }
}
