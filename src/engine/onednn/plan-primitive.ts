import { EngineError } from '../../core/errors.ts';
import { type Shape, sameShape } from '../../core/shape.ts';
import type { ConvolutionStep, Operand, PoolingStep } from '../../graph/lowering.ts';
import { ALGORITHM, ARG, type Desc, type Handle, type Ingredients, NULL, PROP } from './binding.ts';
import type { At, Draft } from './draft.ts';
import type { Buffer } from './instruction.ts';
import type { Slot } from './layouts.ts';
import { operandOf, type Place, type PrimitiveRow, type PrimitiveStep, ROWS, rowOf, settingsOf } from './primitives.ts';

/**
 * Output pixels of a picture from which Winograd's algorithm pays. In inference those that make up for the transform of the weights with a
 * single picture, so that one gets the same numbers as many; a batch in training does with fewer.
 */
const winogradFromPixels = { inference: 20 * 20, training: 12 * 12 };

/** An operand of a step, and the value it is. */
interface Operands {
  readonly row: PrimitiveRow;
  readonly reads: readonly BoundPlace[];
  readonly writes: readonly BoundPlace[];
}
type BoundPlace = Place & { readonly operand: Operand; readonly slot: Slot; readonly dims: Shape };

/** A step that is one primitive: it chooses layouts where it may, and what it reads is brought into them. */
export function planPrimitive(draft: Draft, step: PrimitiveStep, at: At): void {
  const operands = operandsOf(draft, step, at);
  const primitiveDesc = describeStep(draft, step, operands, at);
  const args: [number, Desc, Buffer][] = [];
  const reads: Buffer[] = [];
  const writes: Buffer[] = [];
  const { context, layouts } = draft;
  for (const { arg, ingredient, slot, dims } of operands.reads) {
    const desc = context.binding.queryArg(primitiveDesc, arg);
    if (!desc || (slot.versions.length === 0 && !slot.entry)) continue;
    const { buffer } = layouts.ensure(slot, desc, ingredient ? dims : slot.type.shape);
    args.push([arg, desc, buffer]);
    reads.push(buffer);
  }
  for (const { arg, slot, dims } of operands.writes) {
    const desc = context.binding.queryArg(primitiveDesc, arg);
    if (!desc) continue;
    const version = layouts.create(desc, dims, { fixed: at.fixed });
    slot.versions.push(version);
    args.push([arg, desc, version.buffer]);
    writes.push(version.buffer);
  }
  const addend = 'addend' in step ? step.addend : undefined;
  if (addend !== undefined) {
    const [, desc, buffer] = args.find(([arg]) => arg === ARG.dst)!;
    const dims = draft.dims(operandOf(step, 'dst')!, at);
    const source = layouts.ensure(draft.slot(addend, at), desc, dims);
    layouts.copy(source, { desc, dims, dtype: 'f32', buffer }, { fixed: at.fixed, elidable: true });
    reads.push(buffer);
  }
  draft.finish({ kind: step.kind, primitiveDesc, args, reads, writes, inPlace: overwritable(step) }, at);
}

function operandsOf(draft: Draft, step: PrimitiveStep, at: At): Operands {
  const row = rowOf(step);
  const refused = draft.context.binding.numbers.refused[row.kind] ?? [];
  const bind = (place: Place, isWritten: boolean): BoundPlace[] => {
    const operand = operandOf(step, place.field);
    if (!operand) return [];
    const slot = draft.slot(operand.of, at, isWritten ? operand.dims : undefined);
    return [{ ...place, operand, slot, dims: draft.dims(operand, at) }];
  };
  return {
    row,
    reads: row.reads.filter(({ arg }) => !refused.includes(arg)).flatMap((place) => bind(place, false)),
    writes: row.writes.flatMap((place) => bind(place, true)),
  };
}

/** The settings and the layouts that a step's primitive is described by; `any` leaves a layout to the primitive. */
function ingredientsOf(draft: Draft, step: PrimitiveStep, { row, reads, writes }: Operands, at: At): Partial<Ingredients> {
  const { binding } = draft.context;
  const ingredients: Partial<Ingredients> = settingsOf(step, binding.numbers);
  for (const { operand, ingredient, slot, dims } of reads) {
    if (!ingredient) continue;
    const wanted = wantedDesc(draft, operand, at);
    ingredients[ingredient] = (wanted ?? (row.chooses ? binding.any(dims) : draft.seen(slot, dims).desc)) as never;
  }
  const follows = ingredients.src ?? ingredients.dst;
  // Normalisation and elementwise primitives write as they read; the others choose.
  const isFree = row.chooses || step.kind === 'pooling' || step.kind === 'binary';
  for (const { operand, ingredient, dims } of writes)
    if (ingredient) ingredients[ingredient] = (isFree ? (wantedDesc(draft, operand, at) ?? binding.any(dims)) : follows) as never;
  return ingredients;
}

/** The primitive of a step: the direct one, or Winograd's where it pays. */
function describeStep(draft: Draft, step: PrimitiveStep, operands: Operands, at: At): Handle {
  const { context } = draft;
  const { row } = operands;
  const ingredients = ingredientsOf(draft, step, operands, at);
  const hint = row.hint ? hintFor(draft, step, row, ingredients, at) : NULL;
  if (step.kind === 'pooling' && row.hint) {
    // A gradient in any other layout than the forward pass had falls back to a slow generic implementation.
    ingredients.dst = context.binding.queryArg(hint, ARG.dst);
    ingredients.src = context.binding.queryArg(hint, ARG.src);
  }
  const activation = 'activation' in step && step.kind !== 'batchNorm' ? step.activation : undefined;
  const attr = context.attr([
    ...('addend' in step && step.addend !== undefined ? [{ algorithm: 'sum' as const, scale: 1 }] : []),
    ...(activation === 'relu' ? [{ algorithm: activation }] : []),
  ]);
  const direct = context.describe(row.kind, ingredients, attr, hint);
  const primitiveDesc = (step.kind === 'convolution' && winograd(draft, { step, row, ingredients, attr, direct }, at)) || direct;
  if (primitiveDesc !== direct) context.destroyDescription(direct);
  if (row.hint && step.kind !== 'pooling') context.destroyDescription(hint);
  if (step.kind === 'pooling' && step.direction !== 'backward') rememberPooling(draft, step, primitiveDesc, at);
  return primitiveDesc;
}

/** The layout an operand asks for, as far as it is known before the primitive is: undefined leaves it to the primitive. */
function wantedDesc(draft: Draft, operand: Operand, at: At): Desc | undefined {
  const { layout } = operand;
  const dims = draft.dims(operand, at);
  if (layout === 'plain') return draft.context.plain(dims);
  if (layout === 'given') return draft.seen(draft.slot(operand.of, at), dims).desc;
  if (typeof layout === 'object') return draft.seen(draft.slot(layout.like, at), dims).desc;
  return undefined;
}

interface Convolution {
  readonly step: ConvolutionStep;
  readonly row: PrimitiveRow;
  readonly ingredients: Partial<Ingredients>;
  readonly attr: Handle;
  readonly direct: Handle;
}

/**
 * Winograd's algorithm for the same convolution in the same layouts, if the library has it and it pays: a window of 3 × 3 takes a quarter
 * of the multiplications, but its weights, four times as many numbers, are made anew in each run.
 */
function winograd(draft: Draft, { step, row, ingredients, attr, direct }: Convolution, at: At): Handle | undefined {
  const { context, trains } = draft;
  const [, , height, width] = draft.dims(step.dst, at);
  if (height * width < winogradFromPixels[trains ? 'training' : 'inference']) return undefined;
  // oneDNN 2.6 takes other paddings for the gradient of the input as well, and computes it wrongly.
  if (step.direction === 'backwardData' && !sameShape(step.padBegin, step.padEnd)) return undefined;
  const same: Partial<Ingredients> = { ...ingredients, algorithm: ALGORITHM.winograd };
  // The gradient of the input reads weights as the forward pass does, where the direct one wants its own order.
  const isFree = (ingredient: string) => ingredient === 'weights' && step.direction === 'backwardData';
  for (const { ingredient, arg } of [...row.reads, ...row.writes])
    if (ingredient && ingredients[ingredient] && !isFree(ingredient)) same[ingredient] = context.binding.queryArg(direct, arg) as never;
  let hint = NULL;
  try {
    if (row.hint) hint = hintFor(draft, step, row, same, at);
    return context.describe(row.kind, same, attr, hint);
  } catch {
    // Other windows and strides, and all of oneDNN 3: there is none.
    return undefined;
  } finally {
    if (hint !== NULL) context.destroyDescription(hint);
  }
}

/** The forward descriptor a backward one is derived from. Pooling must know the very one that filled its workspace. */
function hintFor(draft: Draft, step: PrimitiveStep, row: PrimitiveRow, ingredients: Partial<Ingredients>, at: At): Handle {
  const { context } = draft;
  const { binding } = context;
  if (step.kind === 'pooling') {
    const hint = draft.poolings.get(step.workspace ? draft.key(step.workspace.of, at) : geometryOf(draft, step, at));
    if (hint === undefined) throw new EngineError({ where: at.node.op, expected: 'its forward pooling in the same program', got: 'none' });
    return hint;
  }
  const forward: Partial<Ingredients> = { ...ingredients, prop: PROP.forward };
  if (row.chooses) {
    const fields = ['src', 'weights', 'bias', 'dst'] as const;
    for (const field of fields) {
      const operand = operandOf(step, field);
      forward[field] = operand ? binding.any(draft.dims(operand, at)) : undefined;
    }
  } else {
    forward.src = ingredients.src ?? ingredients.dst;
    forward.dst = forward.src;
  }
  return context.describe(ROWS[row.hint!].kind, forward);
}

function rememberPooling(draft: Draft, step: PoolingStep, primitiveDesc: Handle, at: At): void {
  if (step.workspace) draft.poolings.set(draft.key(step.workspace.of, at), primitiveDesc);
  draft.poolings.set(geometryOf(draft, step, at), primitiveDesc);
}

/** What makes two poolings the same primitive as far as a gradient without workspace can tell. */
function geometryOf(draft: Draft, step: PoolingStep, at: At): string {
  const { algorithm, kernel, strides, padBegin, padEnd, src, dst } = step;
  return JSON.stringify([algorithm, kernel, strides, padBegin, padEnd, draft.dims(src, at), draft.dims(dst, at)]);
}

/** The arguments a primitive may write its result over. */
function overwritable(step: PrimitiveStep): readonly number[] {
  // oneDNN 2.6 adds wrongly in place if an activation follows and the channels do not fill a block.
  if (step.kind === 'binary') return step.activation === 'relu' ? [] : [ARG.src];
  if (step.kind === 'eltwise') return [ARG.src, ARG.diffDst];
  return step.kind === 'batchNorm' ? [ARG.diffDst] : [];
}
