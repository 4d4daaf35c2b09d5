import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape, sameShape } from '../core/shape.ts';
import { type AttrSpecs, completeAttrs } from './attrs.ts';
import type { Graph, GraphDType, Node, Role, TensorType, Value, ValueId } from './graph.ts';
import { type AnyOp, checkInputs, type OpRecord } from './op.ts';

/** A symbolic tensor: a value of the graph that is being built. Ops take and return these; no number exists yet. */
export class Tensor implements TensorType {
  readonly graph: GraphBuilder;
  readonly id: ValueId;
  readonly shape: Shape;
  readonly dtype: GraphDType;

  constructor(graph: GraphBuilder, value: Value) {
    this.graph = graph;
    this.id = value.id;
    this.shape = value.shape;
    this.dtype = value.dtype;
  }
}

interface BuilderOptions {
  training?: boolean;
  isFrozen?: (path: string) => boolean;
  /** A graph to go on from. */
  from?: Graph;
}

/** Writes a graph, value by value and node by node, checking every op as it is added. */
export class GraphBuilder {
  readonly #values: Value[] = [];
  readonly #nodes: Node[] = [];
  readonly #named = new Map<string, Value>();
  /** What stands in the place of a value that ops overwrote. */
  readonly #successors = new Map<ValueId, ValueId>();
  readonly #outputs: Record<string, ValueId> = {};
  readonly #scopes: Record<string, ValueId> = {};
  #path = '';
  /** Whether modules such as dropout and batch norm behave as in training. */
  readonly training: boolean;
  /** Whether the module at this path is frozen: batch norm there keeps to its running statistics, in training too. */
  readonly isFrozen: (path: string) => boolean;

  constructor({ training = false, isFrozen = () => false, from }: BuilderOptions = {}) {
    this.training = training;
    this.isFrozen = isFrozen;
    if (!from) return;
    this.#values.push(...from.values);
    this.#nodes.push(...from.nodes);
    Object.assign(this.#outputs, from.outputs);
    Object.assign(this.#scopes, from.scopes);
    for (const value of from.values) if (value.role !== 'result') this.#named.set(value.name, value);
  }

  /** Path of the module whose forward runs now. */
  get path(): string {
    return this.#path;
  }

  /** How often the module whose forward runs now has applied an op so far. */
  timesApplied(op: string): number {
    return this.#nodes.filter((node) => node.op === op && node.path === this.#path).length;
  }

  /** The symbolic tensor of a value that exists. */
  tensor(id: ValueId): Tensor {
    return new Tensor(this, this.#values[id]);
  }

  /** What an op that overwrites a value has to begin with: the value itself, or what was left in its place before. */
  latest(tensor: Tensor): Tensor {
    let { id } = tensor;
    for (let next = this.#successors.get(id); next !== undefined; next = this.#successors.get(id)) id = next;
    return this.tensor(id);
  }

  input(name: string, shape: Shape, dtype: GraphDType = 'f32'): Tensor {
    return this.#name('input', name, shape, dtype);
  }

  parameter(name: string, shape: Shape): Tensor {
    return this.#name('parameter', name, shape, 'f32');
  }

  state(name: string, shape: Shape): Tensor {
    return this.#name('state', name, shape, 'f32');
  }

  /** Applies an op: checks, infers, appends. */
  apply<S extends AttrSpecs>(
    record: OpRecord<S>,
    inputs: readonly (Tensor | undefined)[],
    attrs: Readonly<Record<string, unknown>> = {},
  ): Tensor[] {
    const where = this.#path ? `${record.name} @ ${this.#path}` : record.name;
    checkInputs(record as AnyOp, inputs, where);
    const complete = completeAttrs(record.attrs, attrs, where);
    const types = record.infer({ inputs, attrs: complete, where });
    const outputs = types.map(({ shape, dtype }) => this.#add({ shape, dtype, role: 'result', name: '' }));
    this.#nodes.push({
      op: record.name,
      attrs: complete,
      inputs: inputs.map((t) => t?.id ?? null),
      outputs: outputs.map((v) => v.id),
      path: this.#path,
    });
    for (const [output, input] of Object.entries(record.inPlace)) this.#successors.set(inputs[input]!.id, outputs[Number(output)].id);
    return outputs.map((v) => new Tensor(this, v));
  }

  /** Runs `body` with `path` as the module path and notes what it returns as that module's output. */
  scope<T>(path: string, body: () => T): T {
    const outer = this.#path;
    this.#path = path;
    try {
      const result = body();
      if (result instanceof Tensor && path) this.#scopes[path] = result.id;
      return result;
    } finally {
      this.#path = outer;
    }
  }

  output(name: string, tensor: Tensor): void {
    this.#outputs[name] = tensor.id;
  }

  /** Takes back an output that was set before, if it was. */
  takeOutput(name: string): Tensor | undefined {
    const id = this.#outputs[name];
    delete this.#outputs[name];
    return id === undefined ? undefined : this.tensor(id);
  }

  /** The graph as it stands, as plain data. */
  build(): Graph {
    return { values: [...this.#values], nodes: [...this.#nodes], outputs: { ...this.#outputs }, scopes: { ...this.#scopes } };
  }

  #name(role: Role, name: string, shape: Shape, dtype: GraphDType): Tensor {
    const known = this.#named.get(name);
    if (known && (!sameShape(known.shape, shape) || known.role !== role || known.dtype !== dtype))
      throw new ShapeError({
        where: name,
        expected: `one meaning (${known.role} ${formatShape(known.shape)})`,
        got: `${role} ${formatShape(shape)}`,
        hint: 'Give the two different names.',
      });
    const value = known ?? this.#add({ role, name, shape, dtype });
    this.#named.set(name, value);
    return new Tensor(this, value);
  }

  #add(value: Omit<Value, 'id'>): Value {
    const complete = { ...value, shape: [...value.shape], id: this.#values.length };
    this.#values.push(complete);
    return complete;
  }
}

/** Applies an op to tensors of one graph: what the public functions of `ops/` call. */
export function apply<S extends AttrSpecs>(
  record: OpRecord<S>,
  inputs: readonly (Tensor | undefined)[],
  attrs: Readonly<Record<string, unknown>> = {},
): Tensor[] {
  const graph = inputs.find((t) => t !== undefined)?.graph;
  if (!graph) throw new ShapeError({ where: record.name, expected: 'at least one tensor', got: 'none' });
  const stranger = inputs.find((t) => t && t.graph !== graph);
  if (stranger) throw new ShapeError({ where: record.name, expected: 'tensors of one graph', got: 'tensors of two graphs' });
  return graph.apply(record, inputs, attrs);
}
