import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TemplateOpener } from '../../../src/adapters/chat-template/template-opener.js';
import { rejection } from '../../rejection.js';

const source = (text: string) => ({ templates: { default: text, toolUse: null }, namedTokens: {} });

let threads = 0;
const count = (): void => void threads++;
beforeEach(() => {
  threads = 0;
  process.on('worker', count);
});
afterEach(() => void process.off('worker', count));

describe('an opener of chat templates', () => {
  it('starts no thread to check what was opened or checked before', async () => {
    const opener = new TemplateOpener(5_000);
    await (await opener.open(source('one'))).close();
    await opener.check(source('one'));
    expect(threads).toBe(1);
    await opener.check(source('two'));
    await opener.check(source('two'));
    expect(threads).toBe(2);
  });

  it('refuses what cannot be parsed each time it is asked', async () => {
    const opener = new TemplateOpener(5_000);
    for (const time of [1, 2]) {
      expect(await rejection(opener.check(source('{% if %}')))).toMatchObject({ code: 'ModelUnsupported' });
      expect(threads).toBe(time);
    }
  });
});
