import { eliminateDead } from '../compile/eliminate.ts';
import { ShapeError } from '../core/errors.ts';
import type { NdArray } from '../core/ndarray.ts';
import { formatShape, sizeOf } from '../core/shape.ts';
import type { Engine } from '../engine/engine.ts';
import { runOnce } from '../engine/once.ts';
import { openEngine } from '../engine/threaded/index.ts';
import { differentiate } from '../graph/gradient.ts';
import { GraphBuilder, type Tensor } from '../graph/tensor.ts';
import { verify } from '../graph/verify.ts';
import { add } from '../ops/arithmetic.ts';
import { catalogue } from '../ops/catalogue.ts';
import { fill } from '../ops/fill.ts';

export interface ComputeOptions<R extends string> {
  /** A result of one number: the gradient of every f32 input towards it is returned too. */
  gradientOf?: R;
  /** An engine that is open already; it stays open. Default: one is opened for this call. */
  engine?: Engine;
}

const gradientName = (input: string): string => `d ${input}`;

/**
 * What a formula gives for given numbers, computed as a network would: small examples that can be checked on paper.
 *
 *     results = formula(inputs);  gradients[name] = ∂ results[gradientOf] / ∂ inputs[name]
 *
 * **Shapes**: those of the inputs and of what the formula makes of them; a gradient has its input's shape.
 *
 * - `inputs` arrays by name, f32 or i32; `formula` runs once on symbolic tensors of the same names and returns the results by name
 * - `gradientOf` name of a result with one number; without it there are no gradients. An input that it does not depend on has none.
 *
 * Numerics: single precision, on the engine that trains.
 *
 * **Throws** `ShapeError` if shapes do not fit or `gradientOf` has more than one number.
 *
 * @example
 * const inputs = { x: f32([-2]), y: f32([5]), z: f32([-4]) };
 * const { results, gradients } = await compute(inputs, ({ x, y, z }) => ({ f: mul(add(x, y), z) }), { gradientOf: 'f' }); // f −12, x −4, y −4, z 3
 */
export async function compute<I extends string, R extends string>(
  inputs: Readonly<Record<I, NdArray>>,
  formula: (tensors: Record<I, Tensor>) => Readonly<Record<R, Tensor>>,
  { gradientOf, engine: given }: ComputeOptions<NoInfer<R>> = {},
): Promise<{ results: Record<R, NdArray<'f32'>>; gradients: Partial<Record<I, NdArray<'f32'>>> }> {
  const builder = new GraphBuilder();
  const names = Object.keys(inputs) as I[];
  const tensors = {} as Record<I, Tensor>;
  for (const name of names) tensors[name] = builder.input(name, inputs[name].shape, inputs[name].dtype === 'i32' ? 'i32' : 'f32');
  const made = Object.entries<Tensor>(formula(tensors));
  for (const [name, tensor] of made) builder.output(name, tensor);
  const forward = builder.build();
  const target = made.find(([name]) => name === gradientOf)?.[1];
  const graph = target
    ? withGradients(
        forward,
        target,
        names.map((name) => tensors[name]),
        names,
      )
    : forward;
  verify(graph, catalogue);
  const engine = given ?? (await openEngine());
  try {
    const found = await runOnce(engine, graph, new Map(), inputs);
    const results = Object.fromEntries(made.map(([name]) => [name, found[name]])) as Record<R, NdArray<'f32'>>;
    const gradients = Object.fromEntries(
      names.flatMap((name) => (found[gradientName(name)] ? [[name, found[gradientName(name)]]] : [])),
    ) as Partial<Record<I, NdArray<'f32'>>>;
    return { results, gradients };
  } finally {
    if (!given) await engine.close();
  }
}

function withGradients(graph: ReturnType<GraphBuilder['build']>, target: Tensor, inputs: readonly Tensor[], names: readonly string[]) {
  if (sizeOf(target.shape) !== 1)
    throw new ShapeError({ where: 'gradientOf', expected: 'a result of one number', got: formatShape(target.shape) });
  const wrt = inputs.filter(({ dtype }) => dtype === 'f32').map(({ id }) => id);
  const seed = (b: GraphBuilder) => new Map([[target.id, fill(b, 1, target.shape)]]);
  const { builder, gradients } = differentiate({ graph, catalogue, wrt, seed, accumulate: add });
  for (const [i, { id }] of inputs.entries()) {
    const gradient = gradients.get(id);
    if (gradient) builder.output(gradientName(names[i]), gradient);
  }
  return eliminateDead(builder.build(), catalogue);
}
