import { allocate, type NdArray, type NumberArray, Rng, type Shape, type StateDict, sizeOf } from '../../src/core/index.ts';
import { type AnyOp, differentiate, type Example, type Graph, GraphBuilder, type InputSpec, isNone } from '../../src/graph/index.ts';
import { add, catalogue } from '../../src/ops/index.ts';

/** One example of an op as a graph with the numbers to run it on. */
export interface Case {
  title: string;
  graph: Graph;
  feeds: Record<string, NumberArray>;
  state: StateDict;
  /** Names of the inputs a gradient flows to: output `d:<name>` is that gradient, for the gradient `dy` of the first output. */
  differentiable: string[];
}

export interface CaseOptions {
  gradients?: boolean;
  dtype?: 'f32' | 'f64';
}

/** Ops with their examples, for `describe.each`. */
export const examplesOf = (record: AnyOp): readonly Example[] => (isNone(record.examples) ? [] : record.examples);

/** Builds the graph of one example: its outputs are `out:<name>` (but no workspace, whose contents are the engine's own) and `d:<name>`. */
export function caseOf(record: AnyOp, index: number, { gradients = false, dtype = 'f32' }: CaseOptions = {}): Case {
  const { shapes, attrs } = examplesOf(record)[index];
  const builder = new GraphBuilder();
  const feeds: Case['feeds'] = {};
  const state: StateDict = new Map();
  const differentiable: string[] = [];
  const overwritten = new Set(Object.values(record.inPlace));
  const inputs = shapes.map((shape, i) => {
    if (shape === null) return undefined;
    const spec = record.inputs[Math.min(i, record.inputs.length - 1)];
    const name = record.inputs[i] && !spec.variadic ? spec.name : `${spec.name}${i}`;
    const array = numbersFor(spec, shape, dtype, { rng: new Rng('conformance', record.name, index, i), classes: shapes[0]?.at(-1) ?? 1 });
    if (spec.dtype !== 'i32' && !spec.constant) differentiable.push(name);
    if (spec.dtype === 'i32' || (i === 0 && !overwritten.has(i))) {
      feeds[name] = array.data as NumberArray;
      return builder.input(name, shape, spec.dtype);
    }
    state.set(name, array);
    return overwritten.has(i) ? builder.state(name, shape) : builder.parameter(name, shape);
  });
  const outputs = builder.apply(record, inputs, attrs);
  record.outputs.slice(0, outputs.length).forEach((name, i) => {
    if (name !== 'workspace') builder.output(`out:${name}`, outputs[i]);
  });
  const title = `${shapes.map((s) => (s ? `[${s}]` : '–')).join(' ')}${attrs ? ` ${JSON.stringify(attrs)}` : ''}`;
  if (!gradients || isNone(record.grad)) return { title, graph: builder.build(), feeds, state, differentiable: [] };

  const y = outputs[0];
  const dy = numbersFor({ name: 'dy', doc: '' }, y.shape, dtype, { rng: new Rng('conformance', record.name, index, 'dy'), classes: 1 });
  feeds.dy = dy.data as NumberArray;
  const arriving = builder.input('dy', y.shape);
  const graph = builder.build();
  const idOf = (name: string) => graph.values.find((v) => v.name === name)!.id;
  const result = differentiate({
    graph,
    catalogue,
    wrt: differentiable.map(idOf),
    seed: (b) => new Map([[y.id, b.tensor(arriving.id)]]),
    accumulate: add,
  });
  for (const name of differentiable) {
    const gradient = result.gradients.get(idOf(name));
    if (gradient) result.builder.output(`d:${name}`, gradient);
  }
  return { title, graph: result.builder.build(), feeds, state, differentiable };
}

interface Source {
  rng: Rng;
  classes: number;
}

const draw: Record<NonNullable<InputSpec['domain']>, (source: Source) => number> = {
  normal: ({ rng }) => rng.normal(),
  positive: ({ rng }) => rng.uniform(0.5, 1.5),
  labels: ({ rng, classes }) => rng.int(classes),
  integer: ({ rng }) => rng.int(1 << 20),
};

function numbersFor(spec: InputSpec, shape: Shape, dtype: 'f32' | 'f64', source: Source): NdArray {
  const format = spec.dtype === 'i32' ? 'i32' : dtype;
  const data = allocate(format, sizeOf(shape)) as NumberArray;
  // Rounded to single precision, so that both formats compute on the same numbers.
  for (let i = 0; i < data.length; i++) data[i] = Math.fround(draw[spec.domain ?? 'normal'](source));
  return { dtype: format, shape, data: data as Float32Array<ArrayBuffer> } as NdArray;
}
