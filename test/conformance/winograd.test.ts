import { afterAll, describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import { createReferenceBackend } from '../../src/engine/reference/backend.ts';
import { GraphBuilder } from '../../src/graph/tensor.ts';
import { conv2d } from '../../src/ops/index.ts';
import { openOneDnn } from './open-onednn.ts';

const onednn = openOneDnn();
const reference = createReferenceBackend();
afterAll(() => onednn?.close());

const wave = (shape: readonly number[], step: number) => Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i * step));
const weights = [32, 32, 3, 3];

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

const usesWinograd = (kernels: readonly string[]) => kernels.some((kernel) => kernel.includes('wino'));
/** Only version 2 on AVX-512 has the kernels. */
const hasKernels = onednn?.info.version?.startsWith('2.') && onednn.info.isa?.startsWith('AVX-512');

describe.skipIf(!onednn)('Winograd’s algorithm', () => {
  it('gives what the definition gives, and one picture the same bits as many', () => {
    const [one, four] = [infer(onednn!, 1, 16), infer(onednn!, 4, 16)];
    const truth = infer(reference, 1, 16).y;
    const scale = truth.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = truth.reduce((most, value, i) => Math.max(most, Math.abs(value - one.y[i])), 0);
    expect(worst / scale).toBeLessThan(1e-5);
    expect(four.y.subarray(0, one.y.length)).toEqual(one.y);
  });

  it.skipIf(!hasKernels)('is taken from 14 × 14 pixels on (skipped where the library lacks it)', () => {
    expect(usesWinograd(infer(onednn!, 1, 14).kernels)).toBe(true);
    expect(usesWinograd(infer(onednn!, 8, 13).kernels)).toBe(false);
  });
});
