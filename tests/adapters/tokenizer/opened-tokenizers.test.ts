import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OpenedTokenizers } from '../../../src/adapters/tokenizer/opened-tokenizers.js';
import { rejection } from '../../rejection.js';
import { ModelFolder, unzip } from './fixtures.js';

const folder = new ModelFolder();
beforeAll(() => folder.write('tokenizer.json', unzip('llama3.tokenizer.json.gz')));
afterAll(() => folder.remove());

describe('tokenizers that are open', () => {
  it('are opened once while somebody has one', async () => {
    const tokenizers = new OpenedTokenizers();
    const first = await tokenizers.open(folder.path);
    expect(await tokenizers.open(folder.path)).toEqual(first);
    expect((await tokenizers.open(folder.path)).tokenizer).toBe(first.tokenizer);
  });

  it('are read again where a file beside them changed', async () => {
    const tokenizers = new OpenedTokenizers();
    const first = await tokenizers.open(folder.path);
    folder.write('chat_template.jinja', 'another one');
    const second = await tokenizers.open(folder.path);
    expect(second.tokenizer).not.toBe(first.tokenizer);
    expect(second.chatTemplate.templates?.default).toBe('another one');
  });

  it('say what is wrong with files that cannot be read, and forget it when they are mended', async () => {
    const tokenizers = new OpenedTokenizers();
    expect(await rejection(tokenizers.open('/nowhere'))).toMatchObject({ code: 'ModelFileMissing' });
    const good = unzip('llama3.tokenizer.json.gz');
    folder.write('tokenizer.json', '{');
    expect(await rejection(tokenizers.open(folder.path))).toMatchObject({ code: 'ModelFileCorrupt' });
    folder.write('tokenizer.json', good);
    expect((await tokenizers.open(folder.path)).tokenizer.encode('a', { addSpecialTokens: false })).toHaveLength(1);
  });
});
