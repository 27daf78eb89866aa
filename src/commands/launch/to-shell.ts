import type { ClientSettings } from './client.js';

/** A shell script that does what launching does. */
export function toShell(title: string, program: string, { args, set, unset }: ClientSettings): string {
  const lines = Object.entries(set).map(([name, value]) => `export ${name}=${quoted(value)}`);
  if (unset.length > 0) lines.push(`unset ${unset.join(' ')}`);
  return [`# ${title}, for one shell`, ...lines, [program, ...args].map(quoted).join(' ')].join('\n');
}

function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
