/** What a verb found out. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): Table {
  return { head, rows };
}

/** Markdown: docs/benchmarks takes these lines as they are. */
export function markdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Three significant digits; a dash where nothing was measured. */
export function figure(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? '-' : Number(value.toPrecision(3)).toString();
}
