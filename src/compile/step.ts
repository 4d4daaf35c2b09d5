import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { differentiate } from '../graph/gradient.ts';
import type { Graph, TensorType, ValueId } from '../graph/graph.ts';
import type { GraphBuilder, Tensor } from '../graph/tensor.ts';
import { verify } from '../graph/verify.ts';
import type { Loss } from '../nn/losses.ts';
import { type Module, type TraceOptions, trace } from '../nn/module.ts';
import { add, catalogue, fill, scale } from '../ops/index.ts';
import { attachOptimizer, type OptimizerSpec } from '../optim/index.ts';
import { eliminateDead } from './eliminate.ts';
import { foldAffine } from './fold.ts';
import { fuse } from './fuse.ts';
import { maskPooled } from './mask-pooled.ts';
import { splitFixed } from './split.ts';

export interface EvaluationOptions {
  module: Module;
  /** `[N, C, H, W]`: a graph is made for one batch size. */
  inputShape: Shape;
  /** Adds the input `target` and the output `loss`. */
  loss?: Loss;
  /** Type of the input `target`; default i32 `[N]`: class indices. */
  target?: TensorType;
  /** Layers whose output a run also returns, by module path (`conv1`), and, in training, the gradient there (`grad:conv1`). */
  capture?: readonly string[];
}

export interface TrainingOptions extends EvaluationOptions {
  loss: Loss;
  optimizer: OptimizerSpec;
  /** Which parameters train, by state-dict key; default all. The others cost no gradient. */
  trains?: (name: string) => boolean;
  /**
   * Batch norm whose weights do not train: `running` (default) normalises by the running statistics and is folded away; `batch`
   * normalises by the batch and goes on updating them, as PyTorch does in training mode.
   */
  frozenNorm?: 'running' | 'batch';
  /** Learning-rate group of a parameter; default: the one group that is fed as `lr` and `step`. */
  group?: (name: string) => string | undefined;
}

/** A graph in two: what never changes while training, and the rest. */
export interface Parts {
  /** From `x` to the values that `rest` takes as its inputs `features.0`, …; absent if nothing is fixed. */
  features?: Graph;
  rest: Graph;
}

const GRADIENT = 'grad:';
/** Outputs that a graph has of its own. */
const ownOutputs = ['y', 'loss', 'gradNorm'];
/** Output under which a module in training offers the scores of an auxiliary head. */
const AUXILIARY = 'aux';

/**
 * The graph of one whole training step: forward, loss, backward, update.
 *
 *     loss = loss(y) + auxiliaryWeight · loss(aux)    for modules with an auxiliary head, such as Inception's
 *
 * Inputs: `x`, `target`, `lr`, for Adam and AdamW `step` (the number of the step, from 1) and, where a layer draws random numbers, `seed`.
 * Outputs: `loss` (before the update), `y` (the logits), with clipping `gradNorm` (before it), and what is captured.
 * The parameters and the optimizer's states change in the store.
 *
 * **Throws** `ShapeError`, naming the module, if shapes do not fit, nothing that trains reaches the loss, or a captured layer does not exist or is
 * called as an output.
 */
export function trainingGraph(options: TrainingOptions): Graph {
  return completeStep(trainingForward(options), options);
}

/**
 * The training step of a net whose first layers are frozen, in two: their features of a sample never change, so where pictures are not
 * augmented at random they need computing only once.
 */
export function trainingParts(options: TrainingOptions): Parts {
  const { trains = () => true } = options;
  const { features, rest } = splitFixed(trainingForward(options), catalogue, trains);
  return { features: features && finish(features), rest: completeStep(rest, options) };
}

/**
 * The graph of an evaluation: dropout is off, batch norm uses its running statistics and is folded into the layer before it.
 *
 * Inputs: `x` and, with a loss, `target`. Outputs: `y`, `loss`, what is captured.
 */
export function evaluationGraph(options: EvaluationOptions): Graph {
  return finish(evaluationForward(options));
}

/** The evaluation in two, as `trainingParts`: `trains` says what changes between two evaluations. */
export function evaluationParts(options: EvaluationOptions & { trains: (name: string) => boolean }): Parts {
  const { features, rest } = splitFixed(evaluationForward(options), catalogue, options.trains);
  return { features: features && finish(features), rest: finish(rest) };
}

function evaluationForward(options: EvaluationOptions): Graph {
  return fuse(foldAffine(forward(options), catalogue), catalogue);
}

function trainingForward(options: TrainingOptions): Graph {
  const { trains = () => true, frozenNorm = 'running' } = options;
  const isFrozen = (path: string) => frozenNorm === 'running' && !trains(`${path}.weight`);
  return fuse(foldAffine(forward(options, { training: true, isFrozen }), catalogue, trains), catalogue);
}

/** Appends backward pass and update to a forward graph with a loss. */
function completeStep(graph: Graph, { optimizer, trains = () => true, group = () => undefined, capture = [] }: TrainingOptions): Graph {
  const parameters = graph.values.filter((v) => v.role === 'parameter' && trains(v.name));
  if (parameters.length === 0)
    throw new ShapeError({ expected: 'a parameter to train', got: 'none that the network applies and that is not frozen' });
  const loss = graph.outputs.loss;
  const { builder, gradients } = differentiate({
    graph,
    catalogue,
    wrt: parameters.map((v) => v.id),
    seed: (b) => new Map([[loss, fill(b, 1, [])]]),
    accumulate: add,
  });
  captureGradients(builder, graph, capture, gradients);
  const trained = parameters.flatMap(({ id, name }) => {
    const gradient = gradients.get(id);
    return gradient ? [{ parameter: builder.tensor(id), name, gradient, group: group(name) }] : [];
  });
  if (trained.length === 0)
    throw new ShapeError({
      expected: 'a parameter that the loss depends on',
      got: `none among ${parameters.map(({ name }) => name).join(', ')}`,
    });
  const norm = attachOptimizer(builder, trained, optimizer);
  if (norm) builder.output('gradNorm', norm);
  return finish(maskPooled(builder.build(), catalogue));
}

function finish(graph: Graph): Graph {
  const result = eliminateDead(graph, catalogue);
  verify(result, catalogue);
  return result;
}

function forward({ module, inputShape, loss, target, capture = [] }: EvaluationOptions, mode: TraceOptions = {}): Graph {
  const { shape, dtype } = target ?? { shape: [inputShape[0]], dtype: 'i32' };
  const graph = trace(module, inputShape, {
    ...mode,
    finish: (y, builder) => {
      if (!loss) return;
      const labels = builder.input('target', shape, dtype);
      const main = loss(y, labels);
      if (main.shape.length) throw new ShapeError({ where: 'loss', expected: 'a scalar', got: formatShape(main.shape) });
      const auxiliary = builder.takeOutput(AUXILIARY);
      const total = auxiliary ? add(main, scale(loss(auxiliary, labels), module.auxiliaryWeight)) : main;
      builder.output('loss', total);
    },
  });
  const names = capture.map((name) => (name.startsWith(GRADIENT) ? name.slice(GRADIENT.length) : name));
  const outputs = Object.fromEntries(names.map((name) => [name, scopeOf(graph, name)]));
  return { ...graph, outputs: { ...outputs, ...graph.outputs } };
}

function scopeOf(graph: Graph, path: string): ValueId {
  if (ownOutputs.includes(path))
    throw new ShapeError({
      where: 'capture',
      expected: `a layer of another name than the outputs ${ownOutputs.join(', ')}`,
      got: `'${path}'`,
    });
  const id = graph.scopes[path];
  if (id === undefined)
    throw new ShapeError({ where: 'capture', expected: `a layer among ${Object.keys(graph.scopes).join(', ')}`, got: `'${path}'` });
  return id;
}

function captureGradients(builder: GraphBuilder, graph: Graph, capture: readonly string[], gradients: ReadonlyMap<ValueId, Tensor>): void {
  for (const name of capture) {
    if (!name.startsWith(GRADIENT)) continue;
    const gradient = gradients.get(graph.outputs[name.slice(GRADIENT.length)]);
    if (!gradient)
      throw new ShapeError({ where: 'capture', expected: 'a layer that a gradient reaches', got: `'${name}'`, hint: 'It is frozen' });
    builder.output(name, gradient);
  }
}
