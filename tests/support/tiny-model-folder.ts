/** A tiny model of tests/fixtures/models as a folder that can be served: with a tokenizer of one token per byte, and a chat template. */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXTURES } from '../parity/golden.js';

const TEMPLATE = '{% for message in messages %}{{ message.content }}{% endfor %}';

/** @returns `into`, which holds the files afterwards */
export function tinyModelFolder(name: string, into: string): string {
  cpSync(join(FIXTURES, name), into, { recursive: true });
  writeFileSync(join(into, 'tokenizer.json'), JSON.stringify(byteTokenizer()));
  writeFileSync(
    join(into, 'tokenizer_config.json'),
    JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', chat_template: TEMPLATE }),
  );
  return into;
}

function byteTokenizer(): unknown {
  const vocab = Object.fromEntries(byteCharacters().map((character, byte) => [character, byte]));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      vocab,
      merges: [],
    },
  };
}

/** GPT-2's character for every byte: printable ones stand for themselves, the others follow from U+0100 on. */
function byteCharacters(): readonly string[] {
  const isPrintable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
}
