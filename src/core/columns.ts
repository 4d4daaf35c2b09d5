import stringWidth from 'string-width';
import { printable } from './errors.ts';

/**
 * Rows of cells as lines, every column as wide as its widest cell: as a terminal shows them, where a Chinese character takes two places.
 *
 * - `textColumns` how many columns, from the first, read from the left; default 1. The others end at the right, as numbers do.
 * - `gap` spaces between two columns, default 2.
 *
 * Control characters are written as `\u001b`.
 *
 * @example columns([['rose', '9'], ['玫瑰花', '12']]) // ['rose     9', '玫瑰花  12']
 */
export function columns(rows: readonly (readonly string[])[], { textColumns = 1, gap = 2 } = {}): string[] {
  const cells = rows.map((row) => row.map(printable).map((text) => ({ text, width: stringWidth(text) })));
  const widths = cells.reduce<number[]>((widest, row) => row.map(({ width }, i) => Math.max(width, widest[i] ?? 0)), []);
  return cells.map((row) =>
    row
      .map(({ text, width }, column) => {
        const space = ' '.repeat(widths[column] - width);
        return column < textColumns ? text + space : space + text;
      })
      .join(' '.repeat(gap))
      .trimEnd(),
  );
}
