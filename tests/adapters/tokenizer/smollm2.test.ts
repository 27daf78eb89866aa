import { expect, it } from 'vitest';
import { readCatalogue } from '../../../src/adapters/hub/catalogue.js';
import { locateModel } from '../../../src/adapters/hub/locate-model.js';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { readJsonFixture, type Expected } from './fixtures.js';
import { expectParity } from './parity.js';

const path = locateModel(readCatalogue()[0]!.name).path;

it('the starter model gives the ids and texts of Hugging Face tokenizers', async () => {
  const { tokenizer } = await openTokenizer(path);
  expectParity(tokenizer, readJsonFixture<Expected>('smollm2.expected.json.gz'));
});

it('the starter model ends a turn at <|im_end|> and brings its chat template', async () => {
  const { tokenizer, chatTemplate } = await openTokenizer(path);
  expect(tokenizer).toMatchObject({ vocabSize: 49_152, bosToken: '<|im_start|>', eosToken: '<|im_end|>' });
  expect(tokenizer.stopTokenIds).toEqual([2, 0]);
  expect(chatTemplate.templates?.default).toContain('You are a helpful AI assistant named SmolLM');
});
