import type { NdArray, StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { Graph } from '../graph/graph.ts';
import { GraphBuilder, type Tensor } from '../graph/tensor.ts';

/** Fills a fresh array: receives the generator of this one parameter. */
export type Init = (data: Float32Array, shape: Shape, rng: Rng) => void;

/** A named array of a module: a parameter trains, a buffer (running statistics) does not. The numbers live in a store, not here. */
export class Parameter {
  readonly shape: Shape;
  readonly init: Init;
  readonly trains: boolean;
  /** State-dict key; set when the module tree is walked. */
  path = '';

  constructor(shape: Shape, init: Init, { buffer = false }: { buffer?: boolean } = {}) {
    this.shape = shape;
    this.init = init;
    this.trains = !buffer;
  }

  /** This parameter as a tensor of the graph that is being traced. */
  in(graph: GraphBuilder): Tensor {
    return this.trains ? graph.parameter(this.path, this.shape) : graph.state(this.path, this.shape);
  }
}

/**
 * A part of a network: fields that are parameters or modules, and a `forward` that runs once per input shape on symbolic tensors.
 *
 * Field names make PyTorch's state-dict keys (`this.conv1 = new Conv2d(…)` → `conv1.weight`). `forward` is wrapped when the module is made, so
 * that everything it adds to the graph carries the module's path: messages, profiles and captures name it.
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
    const forward = this.forward.bind(this) as (...inputs: Tensor[]) => Tensor;
    const scoped = (...inputs: Tensor[]) => inputs[0].graph.scope(this.path, () => forward(...inputs));
    Object.defineProperty(this, 'forward', { value: scoped, enumerable: false });
  }

  abstract forward(x: Tensor): Tensor;

  /** Direct parts in order of their fields; arrays contribute their indices as names, as `nn.Sequential` does. */
  *children(): Generator<[string, Module | Parameter]> {
    for (const [name, field] of Object.entries(this)) {
      if (field instanceof Module || field instanceof Parameter) yield [name, field];
      else if (Array.isArray(field)) for (const [i, part] of field.entries()) if (part instanceof Module) yield [`${name}.${i}`, part];
    }
  }

  /** Every parameter and buffer below this module under its state-dict key; also names the modules on the way. */
  parameters(prefix = ''): Map<string, Parameter> {
    const found = new Map<string, Parameter>();
    this.path = prefix;
    for (const [name, part] of this.children()) {
      const path = prefix ? `${prefix}.${name}` : name;
      if (part instanceof Parameter) {
        part.path = path;
        found.set(path, part);
      } else for (const [key, parameter] of part.parameters(path)) found.set(key, parameter);
    }
    return found;
  }
}

/** Fresh values for every parameter and buffer of a module: each from its own stream of the seed, so adding a layer changes no other. */
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

/** The graph of one forward pass: input `x`, and the module's result as output `y`. */
export function trace(module: Module, inputShape: Shape, { training, isFrozen, finish }: TraceOptions = {}): Graph {
  module.parameters();
  const graph = new GraphBuilder({ training, isFrozen });
  const y = module.forward(graph.input('x', inputShape));
  graph.output('y', y);
  finish?.(y, graph);
  return graph.build();
}
