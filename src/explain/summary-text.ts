import { columns } from '../core/columns.ts';
import { maxWidth } from './numbers.ts';
import type { FieldAxis, ReceptiveField } from './receptive-field.ts';
import type { LayerSummary, Summary } from './summary.ts';

/** After so many rows the line of the next module repeats the headings. */
const rowsPerScreen = 40;
const headings = ['layer', 'kind', 'output', 'output size', 'parameters', 'unshared', 'mult-adds', 'field', 'jump', 'centre'];
/** Columns that read from the left. */
const textColumns = 4;

export const exact = (count: number): string => count.toLocaleString('en-US');

/** What thousands are called, from 10⁰ on. */
const units = ['', ' k', ' M', ' G', ' T', ' P'];

/** Four digits: `23.3 k`, `714.2 M`, `15.47 G`; below ten thousand all. */
export function short(count: number): string {
  if (count < 1e4) return `${count}`;
  const rounded = Number(count.toPrecision(4));
  const thousands = Math.floor(Math.log10(rounded) / 3);
  return `${Number((rounded / 1000 ** thousands).toPrecision(4))}${units[thousands]}`;
}

const pair = (field: ReceptiveField, cell: (axis: FieldAxis) => number | null): string => {
  const [height, width] = [cell(field.height), cell(field.width)].map((n) => (n === null ? '' : `${Number(n.toFixed(1))}`));
  return height === width ? height : `${height}×${width}`;
};

function fieldCells(field: ReceptiveField | null): [string, string, string] {
  if (!field) return ['', '', ''];
  return [field.whole ? 'all' : pair(field, (a) => a.size), pair(field, (a) => a.jump), pair(field, (a) => a.centre)];
}

/** Rows as a tree: a line for every module that holds others, its layers below it. */
function treeRows(layers: readonly LayerSummary[], compact: boolean): string[][] {
  const blank = (n: number) => new Array<string>(n).fill('');
  const rows: string[][] = [];
  let open: string[] = [];
  let headed = 0;
  for (const layer of layers) {
    const parts = layer.name.split('.');
    const label = parts.pop()!;
    const shared = parts.findIndex((part, i) => part !== open[i]);
    for (let depth = shared < 0 ? parts.length : shared; depth < parts.length; depth++) {
      const isFar = rows.length - headed >= rowsPerScreen;
      rows.push([`${' '.repeat(depth)}${parts[depth]}`, ...(isFar ? headings.slice(1) : blank(headings.length - 1))]);
      if (isFar) headed = rows.length;
    }
    open = parts;
    const [first = '', ...more] = layer.sizeFormulas.map((text) => (compact ? text.replaceAll(' ', '') : text));
    rows.push([
      `${' '.repeat(parts.length)}${label}`,
      layer.kind.replace(/2d$/, ''),
      layer.outputShape.join('×'),
      first,
      layer.parameters ? exact(layer.parameters) : '',
      layer.unsharedParameters > layer.parameters ? short(layer.unsharedParameters) : '',
      layer.multiplyAdds ? short(layer.multiplyAdds) : '',
      ...fieldCells(layer.receptiveField),
    ]);
    for (const text of more) rows.push([...blank(3), text, ...blank(headings.length - 4)]);
  }
  return rows;
}

/** Columns move together, or formulas lose their spaces, until the table fits. */
function table(layers: readonly LayerSummary[]): string[] {
  const tries = [
    { compact: false, gap: 2 },
    { compact: false, gap: 1 },
    { compact: true, gap: 2 },
    { compact: true, gap: 1 },
  ].map(({ compact, gap }) => columns([headings, ...treeRows(layers, compact)], { textColumns, gap }));
  return tries.find((lines) => lines.every((line) => line.length <= maxWidth)) ?? tries.at(-1)!;
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

function depthLines({ depth, layers }: Summary): string[] {
  const { convolutions, fullyConnected, beside } = depth;
  const kinds = `${plural(convolutions, 'convolution')}, ${fullyConnected} fully connected`;
  const lines = [`${plural(depth.layers, 'layer')} with parameters on the longest way from the picture to the scores: ${kinds}.`];
  if (beside.length) {
    lines.push(`${beside.length} more beside it (projection shortcuts, parallel branches), not counted:`);
    lines.push(`  ${beside.slice(0, 3).join(', ')}${beside.length > 3 ? ', …' : ''}`);
  }
  const norms = layers.filter(({ parameters, multiplyAdds }) => parameters && !multiplyAdds).length;
  if (norms) lines.push(`${plural(norms, 'normalisation')} with parameters, not counted either.`);
  return lines;
}

/**
 * A summary as text for a terminal, at most 120 columns wide where names allow: a table as a tree of modules, totals, and what the columns mean.
 *
 * @example console.log(formatSummary(summarize(model, [3, 224, 224])));
 */
export function formatSummary(summary: Summary): string {
  const { name, inputShape, layers, unused, totals } = summary;
  const branches = summary.branches ? '; where branches meet, those of the largest path' : '';
  const idle = unused.reduce((sum, { parameters }) => sum + parameters, 0);
  const idlePart = unused[0]?.name.split('.')[0];
  return [
    `${name}, input ${inputShape.join('×')}`,
    '',
    ...table(layers),
    '',
    `${exact(totals.parameters)} parameters; ${exact(totals.unsharedParameters)} without sharing (weights of its own for every position).`,
    ...(idle ? [`  of them ${exact(idle)} that only training uses: ${idlePart}`] : []),
    ...(totals.buffers ? [`${exact(totals.buffers)} more numbers are kept but not trained (running means and variances).`] : []),
    `${exact(totals.multiplyAdds)} multiply-adds for one picture (convolutions and fully connected layers).`,
    ...depthLines(summary),
    '',
    'output size  (input − kernel + padding)/stride + 1, ⌊ ⌋ rounded down, ⌈ ⌉ up; height and width if they differ',
    `field        pixels of the picture that one position sees${branches}`,
    'jump         pixels between the fields of two neighbours (effective stride)',
    'centre       pixel in the middle of the first position’s field, counted from 0',
  ].join('\n');
}
