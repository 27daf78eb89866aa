/** What a terminal shows after it was sent some text: as much of ECMA-48 as ink writes. Throws for anything else. */
export function screenAfter(text: string, { columns, rows }: { readonly columns: number; readonly rows: number }): string[] {
  const cells = Array.from({ length: rows }, () => '');
  let [row, column] = [0, 0];
  const down = (): void => {
    if (row < rows - 1) row += 1;
    else cells.push('', ...cells.splice(0, 1).slice(1));
  };
  const put = (character: string): void => {
    if (column >= columns) {
      column = 0;
      down();
    }
    cells[row] = cells[row]!.slice(0, column).padEnd(column) + character + cells[row]!.slice(column + 1);
    column += 1;
  };
  const command = (parameter: string, name: string): void => {
    const n = parameter === '' ? 1 : Number(parameter);
    if (parameter.startsWith('?') || name === 'm') return; // modes and colours
    if (name === 'A') row = Math.max(0, row - n);
    else if (name === 'B') row = Math.min(rows - 1, row + n);
    else if (name === 'E') [row, column] = [Math.min(rows - 1, row + n), 0];
    else if (name === 'G') column = n - 1;
    else if (name === 'H') [row, column] = [0, 0];
    else if (name === 'K') cells[row] = parameter === '2' ? '' : cells[row]!.slice(0, column);
    else if (name === 'J') cells.splice(0, rows, ...Array.from({ length: rows }, () => ''));
    else throw new Error(`unknown control sequence ${JSON.stringify(`${parameter}${name}`)}`);
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '\n') [column] = [0, down()];
    else if (character === '\r') column = 0;
    else if (character !== '\u001B') put(character);
    else {
      const sequence = /^\[([?\d;]*)([A-Za-z])/.exec(text.slice(at + 1));
      if (sequence === null) throw new Error(`unknown escape at ${JSON.stringify(text.slice(at, at + 8))}`);
      command(sequence[1]!, sequence[2]!);
      at += sequence[0].length;
    }
  }
  return cells.map((line) => line.trimEnd());
}
