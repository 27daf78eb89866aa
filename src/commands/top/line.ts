/** One line of the screen, no wider than it; how it looks is up to who paints it. */
export type Look = 'plain' | 'title' | 'head' | 'chosen' | 'busy' | 'waiting' | 'quiet' | 'alarm';

export interface Line {
  readonly text: string;
  readonly look: Look;
}

export function line(text: string, look: Look = 'plain'): Line {
  return { text, look };
}

/** As many of `parts` as fit, the first ones before the others. */
export function fit(parts: readonly string[], columns: number): string {
  let text = '';
  for (const part of parts) {
    const next = text === '' ? part : `${text}   ${part}`;
    if (next.length > columns) break;
    text = next;
  }
  return text === '' ? clip(parts[0] ?? '', columns) : text;
}

export function clip(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`.slice(0, columns);
}

/** Broken between words where it can be; what follows is indented as `text` is, and two more. */
export function wrap(text: string, columns: number): string[] {
  const indent = Math.min(text.length - text.trimStart().length + 2, columns >> 1);
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns);
    const isWithin = rest.slice(0, Math.max(0, space)).trim() !== '';
    const cut = isWithin ? space : columns;
    lines.push(rest.slice(0, cut));
    rest = ' '.repeat(indent) + rest.slice(cut).trimStart();
  }
  return [...lines, rest];
}
