import { ShapeError } from '../core/errors.ts';
import type { Shape, WindowAxis } from '../core/shape.ts';
import type { Graph, Node, ValueId } from '../graph/graph.ts';
import { type AnyOp, recordOf, type Sight } from '../graph/op.ts';
import { catalogue } from '../ops/catalogue.ts';
import { callOf } from './layers.ts';

/** What a position of a feature map depends on along one axis of the picture; all in pixels. */
export interface FieldAxis {
  /** Extent, padding around the picture included. */
  readonly size: number;
  /** Distance between the fields of two neighbours: the product of the strides so far. Null where positions no longer lie on a grid. */
  readonly jump: number | null;
  /** Middle of the field of position 0; pixel 0's middle is 0. */
  readonly centre: number | null;
}

export interface ReceptiveField {
  readonly height: FieldAxis;
  readonly width: FieldAxis;
  /** Every pixel counts, whatever the size would be. */
  readonly whole: boolean;
}

const axes = ['height', 'width'] as const;

/** What one position of an op's result sees of its input. **Throws** `ShapeError` if the op does not say. */
export function sightOf(graph: Graph, node: Node, record: AnyOp = recordOf(catalogue, node.op)): Sight {
  const { sight, elementwise } = record.traits;
  if (sight) return sight(callOf(graph, node));
  if (elementwise) return 'position';
  throw new ShapeError({
    where: node.path ? `${node.op} @ ${node.path}` : node.op,
    expected: 'an op that says what its result depends on',
    got: `'${node.op}' without the trait 'sight'`,
  });
}

/**
 * Receptive field of every value that depends on the picture `[N, C, H, W]` of input `x`.
 *
 *     size ← size + (extent − 1)·jump    centre ← centre + ((extent − 1)/2 − padding)·jump    jump ← jump·stride
 *
 * with extent = dilation·(kernel − 1) + 1. Where branches meet, the largest path counts, axis by axis. Sizes are not cut at the picture's border,
 * as in the literature.
 *
 * **Source**: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", 2019.
 */
export function receptiveFields(graph: Graph): ReadonlyMap<ValueId, ReceptiveField> {
  const fields = new Map<ValueId, ReceptiveField>();
  const x = graph.values.find((v) => v.role === 'input' && v.name === 'x');
  if (x?.shape.length !== 4) return fields;
  const pixel: FieldAxis = { size: 1, jump: 1, centre: 0 };
  fields.set(x.id, { height: pixel, width: pixel, whole: false });
  for (const node of graph.nodes) {
    const seen = node.inputs.flatMap((id) => (id === null ? [] : (fields.get(id) ?? [])));
    if (seen.length) fields.set(node.outputs[0], through(sightOf(graph, node), largest(seen), x.shape));
  }
  return fields;
}

function largest(fields: readonly ReceptiveField[]): ReceptiveField {
  const along = (axis: 'height' | 'width') => fields.map((f) => f[axis]).reduce((a, b) => (b.size > a.size ? b : a));
  return { height: along('height'), width: along('width'), whole: fields.some((f) => f.whole) };
}

function through(sight: Sight, field: ReceptiveField, [, , height, width]: Shape): ReceptiveField {
  if (sight === 'position') return field;
  const lost = { jump: null, centre: null };
  const all = { height: { size: height, ...lost }, width: { size: width, ...lost }, whole: true };
  if (sight === 'picture' || field.whole) return all;
  if (sight === 'element') return { height: { ...field.height, ...lost }, width: { ...field.width, ...lost }, whole: false };
  const [down, across] = axes.map((axis, i) => slide(sight[i], field[axis]));
  return down && across ? { height: down, width: across, whole: false } : all;
}

/** Undefined where the window slides over positions that are not on a grid. */
function slide({ kernel, stride, dilation, padBegin }: WindowAxis, { size, jump, centre }: FieldAxis): FieldAxis | undefined {
  if (jump === null || centre === null) return undefined;
  const reach = dilation * (kernel - 1);
  return { size: size + reach * jump, jump: jump * stride, centre: centre + (reach / 2 - padBegin) * jump };
}
