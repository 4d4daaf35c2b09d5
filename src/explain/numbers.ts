/** Decimals that inputs and weights are printed with, at most. */
export const coarse = 4;
/** Decimals of products and sums: a sum of two hundred printed terms is right within 1e-4. */
export const fine = 6;

/** The fewest decimals, up to `most`, that show every number of a block whole: whole numbers stay whole. */
export function decimalsFor(values: readonly number[], most: number): number {
  for (let d = 0; d < most; d++) if (values.every((v) => Math.abs(v - Number(v.toFixed(d))) < 1e-9)) return d;
  return most;
}

/** A number with a fixed number of decimals; never `-0`. */
export const fixed = (value: number, decimals: number): string => {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text;
};

/** One number alone. */
export const print = (value: number, most = fine): string => fixed(value, decimalsFor([value], most));

/** `a + b − c`: terms joined by their signs. */
export const joinTerms = (terms: readonly string[]): string =>
  terms.map((text, i) => (i === 0 ? text : text.startsWith('-') ? `− ${text.slice(1)}` : `+ ${text}`)).join(' ');

/** Columns of a terminal that text keeps to. */
export const maxWidth = 120;

/** Lines side by side, wrapped to blocks below where they would be wider than a terminal. */
export function flow(blocks: readonly (readonly string[])[]): string[] {
  const lines: string[] = [];
  let row: (readonly string[])[] = [];
  const widthOf = (block: readonly string[]) => Math.max(...block.map((line) => line.length));
  const flush = () => {
    const height = Math.max(0, ...row.map((block) => block.length));
    for (let i = 0; i < height; i++)
      lines.push(
        row
          .map((block) => (block[i] ?? '').padEnd(widthOf(block)))
          .join('   ')
          .trimEnd(),
      );
    row = [];
  };
  for (const block of blocks) {
    if (row.length && [...row, block].reduce((sum, b) => sum + widthOf(b) + 3, -3) > maxWidth) flush();
    row.push(block);
  }
  flush();
  return lines;
}

/** A titled grid of numbers; where `padding` is set the cell is in brackets. */
export function grid(
  title: string,
  rows: readonly (readonly number[])[],
  most: number,
  padding?: readonly (readonly boolean[])[],
): string[] {
  const decimals = decimalsFor(rows.flat(), most);
  const cells = rows.map((row, i) => row.map((v, j) => (padding?.[i]?.[j] ? `(${fixed(v, decimals)})` : fixed(v, decimals))));
  const width = Math.max(...cells.flat().map((c) => c.length));
  return [title, ...cells.map((row) => row.map((c) => c.padStart(width)).join(' '))];
}
