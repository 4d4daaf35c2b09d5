import { type Shape, sizeOf, type WindowAxis } from '../core/shape.ts';
import type { Graph } from '../graph/graph.ts';
import type { Layer } from './layers.ts';
import { sightOf } from './receptive-field.ts';

/**
 * The output-size formula with its numbers: `(32 − 5 + 2·2)/1 + 1 = 32`.
 *
 * Brackets `⌊ ⌋` or `⌈ ⌉` (ceil mode) stand where the quotient is rounded. Empty if the axis follows no such formula.
 */
export function windowFormula({ size, kernel, stride, padBegin, padEnd, dilation, ceil }: WindowAxis, positions: number): string {
  if (!Number.isInteger(stride) || padBegin < 0 || padEnd < 0) return '';
  const extent = dilation * (kernel - 1) + 1;
  const window = dilation === 1 ? `${kernel}` : `(${dilation}·(${kernel} − 1) + 1)`;
  const padding = padBegin === padEnd ? (padBegin ? ` + 2·${padBegin}` : '') : ` + ${padBegin} + ${padEnd}`;
  const quotient = (size - extent + padBegin + padEnd) / stride;
  const [open, close] = Number.isInteger(quotient) ? ['', ''] : ceil ? ['⌈', '⌉'] : ['⌊', '⌋'];
  // A last window that ceil mode would let begin in the padding is dropped.
  const dropped = (ceil ? Math.ceil(quotient) : Math.floor(quotient)) + 1 - positions;
  return `${open}(${size} − ${window}${padding})/${stride}${close} + 1${dropped ? ` − ${dropped}` : ''} = ${positions}`;
}

/** How the output's shape comes from the input's: one line, or one for height and one for width where they differ; none where nothing changes. */
export function sizeFormulas(graph: Graph, { node, record }: Layer): string[] {
  const output = graph.values[node.outputs[0]].shape;
  const pictures = node.inputs.flatMap((id) => (id === null || graph.values[id].role === 'parameter' ? [] : [graph.values[id].shape]));
  const sight = sightOf(graph, node, record);
  if (typeof sight === 'object') return [...new Set(sight.map((axis, i) => windowFormula(axis, output[i + 2])))].filter(Boolean);
  if (record.traits.channelWeights) return [`${sizeOf(pictures[0].slice(1))} → ${output[1]}`];
  if (sight === 'picture') return [`mean of ${pictures[0].slice(2).join('·')}`];
  if (record.traits.flatten && pictures[0].length > 2) return [`${pictures[0].slice(1).join('·')} = ${output[1]}`];
  return joinFormula(pictures, output);
}

/** Channels, `64 + 64 = 128`, where inputs are put one behind the other. */
function joinFormula(pictures: readonly Shape[], output: Shape): string[] {
  const channels = pictures.map((shape) => shape[1]);
  const isJoin = pictures.length > 1 && channels.reduce((a, b) => a + b, 0) === output[1];
  return isJoin ? [`${channels.join(' + ')} = ${output[1]}`] : [];
}
