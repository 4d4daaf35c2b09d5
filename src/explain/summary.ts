import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { type Graph, isPersistent } from '../graph/graph.ts';
import { type Module, trace } from '../nn/module.ts';
import { type Depth, depthOf } from './depth.ts';
import { callOf, type Layer, layersOf } from './layers.ts';
import { sizeFormulas } from './output-size.ts';
import { type ReceptiveField, receptiveFields } from './receptive-field.ts';

/** One layer in numbers, for one picture. */
export interface LayerSummary {
  /** Module path; see `Layer`. */
  readonly name: string;
  readonly path: string;
  /** Class of the module, or the op of a function. */
  readonly kind: string;
  /** Without the batch: `[C, H, W]` or `[C]`. */
  readonly outputShape: Shape;
  /** How the output's size comes about, with the numbers; for height and width where they differ. */
  readonly sizeFormulas: readonly string[];
  /** Numbers that training changes; those of a module used twice count at its first use. */
  readonly parameters: number;
  /** What they would be if every position of the map had weights and bias of its own: parameters · H′ · W′. Only convolutions share. */
  readonly unsharedParameters: number;
  /** Numbers that are kept but not trained: running means and variances. */
  readonly buffers: number;
  /** Of convolutions and fully connected layers, without their bias. */
  readonly multiplyAdds: number;
  /** All floating-point operations; a multiply-add is two. */
  readonly operations: number;
  /** Null where the input is no picture. */
  readonly receptiveField: ReceptiveField | null;
}

/** A network in numbers: plain data. */
export interface Summary {
  readonly name: string;
  /** `[C, H, W]`. */
  readonly inputShape: Shape;
  readonly layers: readonly LayerSummary[];
  /** Parameters that an evaluation does not use, by name: an auxiliary head. They count in the total. */
  readonly unused: readonly { readonly name: string; readonly parameters: number }[];
  readonly totals: Readonly<Record<Count, number>>;
  readonly depth: Depth;
  /** Whether ways part and meet again, so that receptive fields are those of the largest. */
  readonly branches: boolean;
}

const counts = ['parameters', 'unsharedParameters', 'buffers', 'multiplyAdds', 'operations'] as const;
type Count = (typeof counts)[number];

/**
 * What a network consists of, layer by layer, in evaluation: dropout, which then does nothing, is left out.
 *
 *     multiply-adds = C′·H′·W′ · (C/groups)·kh·kw        parameters without sharing = parameters · H′·W′
 *
 * **Shapes**: `inputShape` `[C, H, W]`, or any shape of one sample.
 *
 * - `name` what the summary calls it; default the module's class
 *
 * Receptive fields, jumps and centres as in `receptiveFields`: where branches meet, the largest path. Depth as in `depthOf`.
 *
 * **Throws** `ShapeError` if the picture does not fit the network.
 *
 * @example summarize(createModel('vgg16', { classes: 1000 }), [3, 224, 224]).totals.parameters // 138357544
 */
export function summarize(module: Module, inputShape: Shape, { name = module.constructor.name }: { name?: string } = {}): Summary {
  if (!inputShape.length || !inputShape.every((n) => Number.isInteger(n) && n > 0))
    throw new ShapeError({ where: name, expected: 'the shape of one picture, such as [3,224,224]', got: formatShape(inputShape) });
  const graph = trace(module, [1, ...inputShape]);
  const fields = receptiveFields(graph);
  const seen = new Set<string>();
  const steps = layersOf(graph, module);
  const layers = steps.map((step): LayerSummary => {
    const receptiveField = fields.get(step.node.outputs[0]) ?? null;
    return { ...describe(graph, step, seen), receptiveField };
  });
  const unused = [...module.parameters()].flatMap(([key, { shape, trains }]) =>
    seen.has(key) || !trains ? [] : [{ name: key, parameters: sizeOf(shape) }],
  );
  const sum = (count: Count) => layers.reduce((total, layer) => total + layer[count], 0);
  const totals = Object.fromEntries(counts.map((count) => [count, sum(count)])) as Record<Count, number>;
  const idle = unused.reduce((total, { parameters }) => total + parameters, 0);
  for (const [key, { shape, trains }] of module.parameters()) if (!seen.has(key) && !trains) totals.buffers += sizeOf(shape);
  totals.parameters += idle;
  totals.unsharedParameters += idle;
  const branches = graph.nodes.some(({ inputs }) => inputs.filter((id) => id !== null && fields.has(id)).length > 1);
  return { name, inputShape, layers, unused, totals, depth: depthOf(graph, steps), branches };
}

function describe(graph: Graph, layer: Layer, seen: Set<string>): Omit<LayerSummary, 'receptiveField'> {
  const { name, path, kind, node, record } = layer;
  const outputShape = graph.values[node.outputs[0]].shape.slice(1);
  const kept = node.inputs.flatMap((id) => (id !== null && isPersistent(graph.values[id]) ? [graph.values[id]] : []));
  const fresh = kept.filter((value) => !seen.has(value.name));
  for (const value of kept) seen.add(value.name);
  const sizeOfRole = (role: string) => fresh.reduce((sum, value) => sum + (value.role === role ? sizeOf(value.shape) : 0), 0);
  const parameters = sizeOfRole('parameter');
  const isWeighted = record.traits.channelWeights !== undefined;
  const operations = record.cost(callOf(graph, node));
  return {
    name,
    path,
    kind,
    outputShape,
    sizeFormulas: sizeFormulas(graph, layer),
    parameters,
    unsharedParameters: isWeighted ? parameters * sizeOf(outputShape.slice(1)) : parameters,
    buffers: sizeOfRole('state'),
    multiplyAdds: isWeighted ? operations / 2 : 0,
    operations,
  };
}
