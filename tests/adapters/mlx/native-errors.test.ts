import { describe, expect, it } from 'vitest';
import { crossing } from '../../../src/adapters/mlx/native-errors.js';

const native = (code: string): Error => Object.assign(new Error('[room.verb] wanted this, got that'), { code, origin: 'room.verb' });
const rejecting = (error: unknown) => (): Promise<never> => Promise.reject(error);

describe('an error of the addon', () => {
  it.each([
    ['ERR_MODEL_FILE', 'ModelFileCorrupt'],
    ['ERR_OUT_OF_MEMORY', 'OutOfMemory'],
    ['ERR_ENGINE_CLOSED', 'ShuttingDown'],
    ['ERR_BACKEND', 'EngineFailed'],
    ['ERR_KV_CORRUPT', 'CacheCorruption'],
    ['ERR_IO', 'CachePersistence'],
    ['ERR_INVALID_ARGUMENT', 'Internal'],
  ])('%s becomes %s, with its message and itself as the cause', async (code, wanted) => {
    const error = native(code);
    await expect(crossing('us', rejecting(error))).rejects.toMatchObject({ code: wanted, message: error.message, cause: error });
  });

  it("about an argument that the user gave is the user's", async () => {
    await expect(crossing('user', rejecting(native('ERR_INVALID_ARGUMENT')))).rejects.toMatchObject({ code: 'InvalidRequest' });
  });

  it('of any other kind passes unchanged', async () => {
    const other = Object.assign(new Error('no such file'), { code: 'ENOENT' });
    await expect(crossing('us', rejecting(other))).rejects.toBe(other);
  });
});
