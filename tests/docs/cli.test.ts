import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/commands/index.js';
import { createHome, semantic } from '../support/run-semantic.js';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

describe('docs/cli.md', () => {
  test('it has a section for every command, and no other', () => {
    const sections = [...page.matchAll(/^## semantic (.+)$/gm)].map(([, name]) => name);
    expect(new Set(sections)).toEqual(new Set(Object.keys(COMMANDS).map((id) => id.replaceAll(':', ' '))));
  });

  test.concurrent.each(Object.keys(COMMANDS))('the section of %s is its --help', async (id) => {
    const home = createHome();
    const { stdout } = await semantic([...id.split(':'), '--help'], { home: home.path, env: { COLUMNS: '80' } });
    home.remove();
    expect(page).toContain(stdout.trimEnd());
  });
});
