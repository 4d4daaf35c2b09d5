import { eliminateDead } from '../compile/eliminate.ts';
import { foldAffine } from '../compile/fold.ts';
import { fuse } from '../compile/fuse.ts';
import { NumericError, ShapeError, UsageError } from '../core/errors.ts';
import { i32, type NdArray, type NumberArray, type StateDict } from '../core/ndarray.ts';
import { didYouMean } from '../core/nearest.ts';
import { formatShape } from '../core/shape.ts';
import type { Engine, Feeds } from '../engine/engine.ts';
import { runOnce } from '../engine/once.ts';
import { type Graph, isPersistent, type ValueId } from '../graph/graph.ts';
import type { GraphBuilder, Tensor } from '../graph/tensor.ts';
import { type Module, trace } from '../nn/module.ts';
import { catalogue } from '../ops/catalogue.ts';
import { crossEntropy } from '../ops/cross-entropy.ts';
import { softmax } from '../ops/softmax.ts';
import { canDerive, derive, indexOf, positionOf } from './derive.ts';
import type { Derivation, ExplainedLoss, Explanation, Position } from './explanation.ts';
import { type Layer, layersOf } from './layers.ts';

export interface ExplainOptions {
  readonly module: Module;
  /** A value for every parameter and buffer. */
  readonly state: StateDict;
  /** One picture, prepared as for training. */
  readonly input: NdArray<'f32'>;
  /** A layer by the name a summary gives it; `softmax`: the probabilities of the scores, which most modules leave to the loss. */
  readonly layer: string;
  /** Which number; coordinates left out go where the layer answers most strongly. */
  readonly position?: Partial<Position>;
  readonly engine: Engine;
  /** Index of the true class: with `softmax` the loss too. */
  readonly label?: number;
}

const tolerance = 1e-4;
/** The layer that stands behind the module. */
const sharesName = 'softmax';
const lossName = 'loss';
/** At most so many layers are named where there is none of a name. */
const mostNamed = 12;

/**
 * How one number of a network comes about on one picture: window, weights, products, sums, bias for a convolution; the same in their way for fully
 * connected layers, ReLU, pooling, batch norm, addition and softmax.
 *
 * The inputs and the result are captured from a run of `engine`; the sums are done again in double precision and compared.
 *
 * **Shapes**: `input` `[C, H, W]` or `[1, C, H, W]`.
 *
 * - `layer` a module's path, or `path.op` for a function; a module that holds others means its last layer
 * - `position` channel (class), row, column, from 0; default where the layer's result is largest
 *
 * **Throws** `UsageError` for a layer, position or label that does not exist or a layer that only moves numbers; `NumericError` if the sum differs
 * from the engine's value by more than 1e-4 (1e-4 of the value, if that is above 1).
 *
 * @example
 * const { derivation, value } = await explainValue({ module, state, input, layer: 'conv1.0', position: { channel: 3, row: 10, col: 12 }, engine });
 */
export async function explainValue(options: ExplainOptions): Promise<Explanation> {
  const { module, input, label } = options;
  const shape = input.shape.length === 4 ? input.shape : [1, ...input.shape];
  const graph = trace(module, shape, { finish: (y, builder) => addSoftmax(y, builder, label) });
  const layers = layersOf(graph, module);
  const layer = findLayer(graph, layers, options.layer);
  const { arrays, loss } = await capture(graph, layer, options, { x: { ...input, shape } });
  const output = graph.values[layer.node.outputs[0]].shape;
  if (output.length !== 4 && output.length !== 2)
    throw new ShapeError({ where: layer.name, expected: 'a result [N,C,H,W] or [N,C]', got: formatShape(output) });
  const result = arrays.get(layer.node.outputs[0])!;
  const position = choosePosition(result, output, options.position ?? {}, layer.name);
  const inputs = layer.node.inputs.map((id) => (id === null ? undefined : arrays.get(id)));
  const { derivation, computed } = derive({ graph, layer, layers, inputs, position });
  const value = result[indexOf(position, output)];
  return {
    layer: layer.name,
    kind: layer.kind,
    inputShape: graph.values[layer.node.inputs[0]!].shape.slice(1),
    outputShape: output.slice(1),
    position,
    value,
    computed,
    difference: checked(computed, value, layer.name),
    derivation: loss === undefined || label === undefined ? derivation : withLoss(derivation, label, loss),
  };
}

function addSoftmax(y: Tensor, builder: GraphBuilder, label: number | undefined): void {
  if (y.shape.length !== 2) return;
  if (label !== undefined && !(Number.isInteger(label) && label >= 0 && label < y.shape[1]))
    throw new UsageError({ where: 'label', expected: `a class from 0 to ${y.shape[1] - 1}`, got: `${label}` });
  builder.scope(sharesName, () => softmax(y));
  if (label !== undefined) builder.scope(lossName, () => crossEntropy(y, builder.input('target', [1], 'i32')).loss);
}

/** By name; a module that holds others, by what it returns. */
function findLayer(graph: Graph, layers: readonly Layer[], name: string): Layer {
  const wanted = layers.find((l) => l.name === name) ?? inner(graph, layers, name);
  if (wanted && canDerive(graph, wanted)) return wanted;
  const names = layers.filter((l) => canDerive(graph, l)).map((l) => l.name);
  if (wanted)
    throw new UsageError({ where: name, expected: 'a layer that computes numbers', got: `'${wanted.kind}', which only moves them` });
  const some = names.length > mostNamed ? [...names.slice(0, mostNamed - 1), '…', names.at(-1)] : names;
  const longer = names.find((n) => n.startsWith(name)) ?? names.find((n) => n.includes(name));
  throw new UsageError({
    where: 'layer',
    expected: `one of ${names.length > mostNamed ? `the ${names.length} layers that a summary lists: ` : ''}${some.join(', ')}`,
    got: `'${name}'`,
    hint: longer ? `Did you mean '${longer}'?` : didYouMean(name, names),
  });
}

const inner = (graph: Graph, layers: readonly Layer[], path: string): Layer | undefined =>
  Object.hasOwn(graph.scopes, path) ? layers.find(({ node }) => node.outputs[0] === graph.scopes[path]) : undefined;

/** Runs the graph up to the layer and returns what goes in and what comes out, by value. */
async function capture(graph: Graph, { node, name }: Layer, options: ExplainOptions, feeds: Feeds) {
  const { engine, state, label } = options;
  const arrays = new Map<ValueId, NumberArray>();
  const outputs: Record<string, ValueId> = { value: node.outputs[0] };
  for (const id of node.inputs) {
    if (id === null) continue;
    const value = graph.values[id];
    if (isPersistent(value)) {
      const stored = state.get(value.name);
      if (!stored) throw new ShapeError({ where: name, expected: `a value for '${value.name}'`, got: 'none' });
      arrays.set(id, stored.data as NumberArray);
    } else if (value.role === 'input') arrays.set(id, feeds[value.name].data as NumberArray);
    else outputs[`in${id}`] = id;
  }
  const wantsLoss = name === sharesName && label !== undefined;
  if (wantsLoss) outputs.loss = graph.scopes[lossName];
  const planned = eliminateDead(fuse(foldAffine({ ...graph, outputs }, catalogue), catalogue), catalogue);
  const needed = planned.values.filter(isPersistent).flatMap(({ name: key }) => (state.has(key) ? [[key, state.get(key)!] as const] : []));
  const results = await runOnce(engine, planned, new Map(needed), { ...feeds, ...(wantsLoss ? { target: i32([label]) } : {}) });
  for (const [key, id] of Object.entries(outputs)) arrays.set(id, results[key].data as NumberArray);
  return { arrays, loss: wantsLoss ? Number(results.loss.data[0]) : undefined };
}

/** Fills in what was left out by the largest result among the positions that fit; the first one of equals. */
function choosePosition(result: NumberArray, output: readonly number[], wanted: Partial<Position>, where: string): Position {
  const [, channels, height = 1, width = 1] = output;
  const extents = { channel: channels, row: height, col: width };
  for (const [name, extent] of Object.entries(extents)) {
    const at = wanted[name as keyof Position];
    if (at !== undefined && !(Number.isInteger(at) && at >= 0 && at < extent))
      throw new UsageError({ where, expected: `${name} from 0 to ${extent - 1} (result ${formatShape(output.slice(1))})`, got: `${at}` });
  }
  const fits = (p: Position) => Object.entries(wanted).every(([name, at]) => at === undefined || p[name as keyof Position] === at);
  let best: Position | undefined;
  let largest = -Infinity;
  for (let i = 0; i < result.length; i++) {
    if (best && !(result[i] > largest)) continue;
    const place = positionOf(i, output);
    if (!fits(place)) continue;
    best = place;
    largest = result[i];
  }
  return best!;
}

/** The difference of a sum from the engine's value, if it is as small as rounding makes it. */
function checked(computed: number, value: number, where: string): number {
  const difference = Math.abs(computed - value);
  if (!(difference <= tolerance * Math.max(1, Math.abs(value))))
    throw new NumericError({
      where,
      expected: `the engine's value ${value} within ${tolerance}`,
      got: `${computed} from window and weights`,
    });
  return difference;
}

function withLoss(derivation: Derivation, label: number, value: number): Derivation {
  if (derivation.form !== 'softmax') return derivation;
  const prob = derivation.probabilities[label];
  const { scores, shift, sum } = derivation;
  const computed = Math.log(sum) - (scores[label] - shift);
  const loss: ExplainedLoss = { label, prob, computed, value, difference: checked(computed, value, lossName) };
  return { ...derivation, loss };
}
