import { afterAll, describe, expect, it } from 'vitest';
import { trainingGraph } from '../../src/compile/index.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { createReferenceBackend } from '../../src/engine/reference/backend.ts';
import { GraphBuilder } from '../../src/graph/tensor.ts';
import { Conv2d, initialState, meanSquaredErrorLoss, Sequential } from '../../src/nn/index.ts';
import { conv2d } from '../../src/ops/index.ts';
import { openOneDnn } from './open-onednn.ts';

const onednn = openOneDnn();
const reference = createReferenceBackend();
afterAll(() => onednn?.close());

const wave = (shape: readonly number[], step: number) => Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i * step));
const weights = [32, 32, 3, 3];
type Padding = readonly [top: number, left: number, bottom: number, right: number];

function infer(backend: typeof reference, batch: number, side: number) {
  const shape = [batch, 32, side, side];
  const builder = new GraphBuilder();
  builder.output('y', conv2d(builder.input('x', shape), builder.parameter('w', weights), undefined, { padding: 1 }));
  const store = backend.createStore();
  store.load(new Map([['w', { dtype: 'f32', shape: weights, data: wave(weights, 0.3) }]]));
  const program = backend.compile(builder.build(), store);
  const feeds = { x: wave(shape, 0.7) };
  const y = Float32Array.from(program.run(feeds).y);
  return { y, kernels: program.profile(feeds, 1).map(({ implementation }) => implementation) };
}

/** Two convolutions, so that the second has all three directions, and one step of plain descent with rate 1. */
function train(backend: typeof reference, side: number, padding: Padding = [1, 1, 1, 1]) {
  const shape = [2, 32, side, side];
  const [top, left, bottom, right] = padding;
  const outputShape = [2, 32, side - 2 + top + bottom, side - 2 + left + right];
  const module = new Sequential(new Conv2d(32, 32, 3, { padding: 1 }), new Conv2d(32, 32, 3, { padding }));
  const target = { shape: outputShape, dtype: 'f32' } as const;
  const graph = trainingGraph({ module, inputShape: shape, target, loss: meanSquaredErrorLoss(), optimizer: { kind: 'sgd' } });
  const store = backend.createStore();
  store.load(initialState(module, 0));
  const program = backend.compile(graph, store);
  const feeds = { x: wave(shape, 0.7), target: wave(outputShape, 0.2), lr: Float32Array.of(1) };
  const kernels = program.profile(feeds, 1).map(({ implementation }) => implementation);
  store.load(initialState(module, 0));
  const before = store.read(['0.weight']).get('0.weight')!.data as Float32Array;
  program.run(feeds);
  const after = store.read(['0.weight']).get('0.weight')!.data as Float32Array;
  return { gradient: before.map((value, i) => value - after[i]), kernels };
}

const countWinograd = (kernels: readonly string[]) => kernels.filter((kernel) => kernel.includes('wino')).length;
/** Only version 2 on AVX-512 has the kernels. */
const hasKernels = onednn?.info.version?.startsWith('2.') && onednn.info.isa?.startsWith('AVX-512');

describe.skipIf(!onednn)('Winograd’s algorithm', () => {
  it('gives what the definition gives, and one picture the same bits as many', () => {
    const [one, four] = [infer(onednn!, 1, 21), infer(onednn!, 4, 21)];
    const truth = infer(reference, 1, 21).y;
    const scale = truth.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = truth.reduce((most, value, i) => Math.max(most, Math.abs(value - one.y[i])), 0);
    expect(worst / scale).toBeLessThan(1e-5);
    expect(four.y.subarray(0, one.y.length)).toEqual(one.y);
  });

  it.skipIf(!hasKernels)('is taken from 20 × 20 pixels on (skipped where the library lacks it)', () => {
    expect(countWinograd(infer(onednn!, 1, 20).kernels)).toBe(1);
    expect(countWinograd(infer(onednn!, 8, 19).kernels)).toBe(0);
  });
  it.each<[Padding]>([[[1, 1, 1, 1]], [[1, 0, 0, 0]], [[0, 1, 1, 0]], [[0, 0, 0, 1]]])(
    'gives a training step the gradients that the definition gives, padding %j',
    (padding) => {
      const [truth, { gradient }] = [train(reference, 14, padding).gradient, train(onednn!, 14, padding)];
      const scale = truth.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const worst = truth.reduce((most, value, i) => Math.max(most, Math.abs(value - gradient[i])), 0);
      expect(scale).toBeGreaterThan(0);
      expect(worst / scale).toBeLessThan(1e-4);
    },
  );

  it.skipIf(!hasKernels)('is taken in training from 12 × 12 pixels on, in every direction', () => {
    // Forward and gradient of the weights of both, gradient of the input of the second.
    expect(countWinograd(train(onednn!, 12).kernels)).toBe(5);
    expect(countWinograd(train(onednn!, 11).kernels)).toBe(0);
  });
});
