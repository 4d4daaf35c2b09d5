import { ShapeError, UsageError } from '../core/errors.ts';
import type { NdArray, StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { show } from '../core/show.ts';
import type { Graph } from '../graph/graph.ts';
import { GraphBuilder, Tensor } from '../graph/tensor.ts';
import { isCount } from './counts.ts';

type Forward = (...inputs: Tensor[]) => Tensor;

/** Fills a fresh array: receives the generator of this one parameter. */
export type Init = (data: Float32Array, shape: Shape, rng: Rng) => void;

/**
 * A named array of a module: a parameter trains, a buffer (running statistics) does not. The numbers live in a store, not here.
 *
 * **Throws** `ShapeError` for extents that are not integers above 0.
 */
export class Parameter {
  readonly shape: Shape;
  readonly init: Init;
  readonly trains: boolean;
  /** State-dict key; set when the module tree is walked. */
  path = '';

  constructor(shape: Shape, init: Init, { buffer = false }: { buffer?: boolean } = {}) {
    if (!shape.every(isCount))
      throw new ShapeError({ where: 'Parameter', expected: 'a shape of integers above 0', got: formatShape(shape) });
    this.shape = shape;
    this.init = init;
    this.trains = !buffer;
  }

  /**
   * This parameter as a tensor of the graph that is being traced.
   *
   * **Throws** `UsageError` if walking the module tree did not find it.
   */
  in(graph: GraphBuilder): Tensor {
    if (!this.path)
      throw new UsageError({
        where: graph.path ? `parameter @ ${graph.path}` : 'parameter',
        expected: 'a parameter that has a path in the module tree',
        got: `one of shape ${formatShape(this.shape)} without a path`,
        hint:
          'Its module must be in a public field, or an array in one, of another module, and so on up to the module that is traced: ' +
          'private fields, plain objects, Maps and layers made in forward are not seen',
      });
    return this.trains ? graph.parameter(this.path, this.shape) : graph.state(this.path, this.shape);
  }
}

/**
 * A part of a network: fields that are parameters or modules, and a `forward` that runs once per input shape on symbolic tensors.
 *
 * Field names make PyTorch's state-dict keys (`this.conv1 = new Conv2d(…)` → `conv1.weight`). `forward` is wrapped when the module is made, so
 * that everything it adds to the graph carries the module's path: messages, profiles and captures name it. One module may be called several
 * times, but stands in one field.
 *
 * **Throws** `UsageError` if there is no method `forward`, or if it is given or returns anything but tensors.
 *
 * **Source**: `torch.nn.Module`; here a module describes a graph and holds no numbers.
 *
 * @example
 * class Cnn extends Module {
 *   conv1 = new Conv2d(1, 16, 5, { padding: 2 });
 *   out = new Linear(16 * 14 * 14, 10);
 *   forward(x: Tensor) {
 *     return this.out.forward(flatten(maxPool2d(relu(this.conv1.forward(x)), 2)));
 *   }
 * }
 */
export abstract class Module {
  /** Path from the root module; set when the tree is walked. */
  path = '';
  /** Share of the loss that an auxiliary head's scores count in training, where `forward` sets them as the graph's output `aux`. */
  readonly auxiliaryWeight: number = 0;

  constructor() {
    const forward: Forward = this.forward;
    if (typeof forward !== 'function') throw needsMethod(this, show(forward));
    const scoped: Forward = (...inputs) => {
      const where = placeOf(this);
      const { graph } = expectTensor(where, 'a tensor as the input of forward', inputs[0]);
      // A module that no walk has found, such as one made in forward, has no path: what it adds is its caller's.
      return graph.scope(this.path || graph.path, () =>
        expectTensor(where, 'a tensor as the result of forward', forward.apply(this, inputs)),
      );
    };
    scopedForwards.add(scoped);
    Object.defineProperty(this, 'forward', { value: scoped, enumerable: false, writable: true, configurable: true });
  }

  abstract forward(x: Tensor): Tensor;

  /** Direct parts in order of their fields; arrays, also in arrays, contribute their indices as names, as `nn.ModuleList` does. */
  *children(): Generator<[string, Module | Parameter]> {
    for (const [name, field] of Object.entries(this)) yield* partsOf(name, field);
  }

  /**
   * Every parameter and buffer below this module under its state-dict key; also names the modules on the way.
   *
   * **Throws** `UsageError` for a parameter at two paths, as its numbers would be kept under one of them only; for two parameters of one
   * path; and for a part that is no module.
   */
  parameters(prefix = ''): Map<string, Parameter> {
    const found = new Map<string, Parameter>();
    const paths = new Map<Parameter, string>();
    for (const [path, parameter] of walk(this, prefix)) {
      const first = paths.get(parameter) ?? path;
      if (first !== path)
        throw new UsageError({
          where: path,
          expected: 'a parameter that stands nowhere else in the module tree',
          got: `the one of ${first}`,
          hint: 'Keep a module that is used twice in one field, and call it wherever it is needed',
        });
      if ((found.get(path) ?? parameter) !== parameter)
        throw new UsageError({
          where: path,
          expected: 'one parameter of that path',
          got: 'two',
          hint: 'Give the parts of a module different names',
        });
      parameter.path = path;
      paths.set(parameter, path);
      found.set(path, parameter);
    }
    return found;
  }
}

/** What `forward` became when a module was made. */
const scopedForwards = new WeakSet<Forward>();

const placeOf = (module: Module): string => {
  const { name } = module.constructor;
  return module.path ? `${name} @ ${module.path}` : name;
};

const needsMethod = (module: Module, got: string): UsageError =>
  new UsageError({
    where: placeOf(module),
    expected: 'a method forward',
    got,
    hint: 'Write forward(x) { … }, not forward = (x) => …: fields are set after the module has been made',
  });

function* walk(module: Module, path: string): Generator<[string, Parameter]> {
  module.path = path;
  if (!scopedForwards.has(module.forward)) throw needsMethod(module, 'a field of that name');
  for (const [name, part] of module.children()) {
    const partPath = path ? `${path}.${name}` : name;
    if (part instanceof Parameter) yield [partPath, part];
    else if (part instanceof Module) yield* walk(part, partPath);
    else
      throw new UsageError({
        where: placeOf(module),
        expected: `a module as ${name}`,
        got: show(part),
        hint: 'A function is called in forward; among modules stands a layer such as new ReLU()',
      });
  }
}

/** The modules and parameters in a field. */
function* partsOf(name: string, field: unknown): Generator<[string, Module | Parameter]> {
  if (field instanceof Module || field instanceof Parameter) yield [name, field];
  else if (Array.isArray(field)) for (const [i, part] of field.entries()) yield* partsOf(`${name}.${i}`, part);
}

function expectTensor(where: string, expected: string, value: unknown): Tensor {
  if (value instanceof Tensor) return value;
  throw new UsageError({ where, expected, got: show(value) });
}

/**
 * Fresh values for every parameter and buffer of a module: each from its own stream of the seed, so adding a layer changes no other.
 *
 * **Throws** `UsageError` as `Module.parameters` does.
 */
export function initialState(module: Module, seed = 0): StateDict {
  const state: StateDict = new Map();
  for (const [path, { shape, init }] of module.parameters()) {
    const data = new Float32Array(sizeOf(shape));
    init(data, shape, new Rng(seed, 'init', path));
    state.set(path, { dtype: 'f32', shape, data } satisfies NdArray);
  }
  return state;
}

export interface TraceOptions {
  /** Dropout and batch norm behave as in training; default false. */
  training?: boolean;
  /** Modules, by path, whose batch norm keeps to its running statistics in training too; default none. */
  isFrozen?: (path: string) => boolean;
  /** Adds to the graph, such as a loss, before it is closed. */
  finish?: (y: Tensor, graph: GraphBuilder) => void;
}

/**
 * The graph of one forward pass: input `x`, and the module's result as output `y`.
 *
 * **Throws** `UsageError` for a module tree or a `forward` that cannot be used; `ShapeError`, naming the module, where shapes do not fit.
 */
export function trace(module: Module, inputShape: Shape, { training, isFrozen, finish }: TraceOptions = {}): Graph {
  module.parameters();
  const graph = new GraphBuilder({ training, isFrozen });
  const y = module.forward(graph.input('x', inputShape));
  graph.output('y', y);
  finish?.(y, graph);
  return graph.build();
}
