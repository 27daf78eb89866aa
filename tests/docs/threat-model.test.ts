import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const THREATS = 'docs/threat-model.md';
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** What is written as code and looks like a file of the repository. */
function filesNamed(text: string): string[] {
  const named = [...text.matchAll(/`([^`\s]+)`/g)].map(([, name]) => name!);
  return named.filter((name) => /^(?:src|tests|native|bin|config|docs)\/.+\.\w+$|^package-lock\.json$/.test(name));
}

describe.each([THREATS, 'SECURITY.md', 'docs/security.md'])('%s', (page) => {
  test('names no file that is not there', () => {
    expect(filesNamed(read(page)).filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  test('leads to no page that is not there', () => {
    const links = [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(page), link)))).toEqual([]);
  });
});

test('every threat has code that stands in its way and a test of it', () => {
  const rows = read(THREATS)
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.split(' | ').length === 4 && !line.startsWith('| threat |'));
  expect(rows.length).toBeGreaterThan(30);
  const lacking = rows.filter((row) => {
    const [, , code = '', proof = ''] = row.split(' | ');
    const isTest = (file: string): boolean => file.startsWith('tests/') && file.endsWith('.test.ts');
    return filesNamed(code).length === 0 || filesNamed(proof).length === 0 || !filesNamed(proof).every(isTest);
  });
  expect(lacking).toEqual([]);
});

test('every kind of actor is there, each with what is not covered', () => {
  const chapters = read(THREATS).split('\n## ').slice(1);
  const actors = chapters.filter((chapter) => chapter.includes('| threat |'));
  expect(actors.map((chapter) => chapter.split('\n')[0])).toEqual([
    'A web page in a browser of the machine',
    'Another user of the machine',
    'Another machine',
    'Malicious model files',
    'A malicious hub, or what stands before it',
    'A client that is a runaway agent',
    'Somebody who can write to the store',
  ]);
  expect(actors.filter((chapter) => !chapter.includes('**Not covered.**'))).toEqual([]);
});
