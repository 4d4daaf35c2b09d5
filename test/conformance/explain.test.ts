import { afterAll, describe, expect, it } from 'vitest';
import { f32, Rng } from '../../src/core/index.ts';
import { LocalEngine } from '../../src/engine/local.ts';
import { explainValue } from '../../src/explain/index.ts';
import { createModel } from '../../src/models/index.ts';
import { initialState } from '../../src/nn/index.ts';
import { openOneDnn } from './open-onednn.ts';

const backend = openOneDnn();
const engine = backend && new LocalEngine(backend);
afterAll(() => engine?.close());

/** The same sums against oneDNN, whose programs would otherwise fuse and fold these layers away. */
describe.skipIf(!engine)('explanations add up to oneDNN’s values', () => {
  it.each([
    [
      'resnet18',
      3,
      40,
      ['conv1', 'bn1', 'relu', 'maxpool', 'layer1.0.conv2', 'layer2.0.downsample.1', 'layer2.0.add', 'avgpool', 'fc', 'softmax'],
    ],
    ['densenet121', 3, 32, ['features.norm0', 'features.denseblock1.denselayer3.conv1', 'features.transition1.pool', 'classifier']],
    ['course-cnn', 1, 28, ['conv1.0', 'conv1.1', 'conv1.2', 'conv2.0', 'out', 'softmax']],
  ])('%s', async (name, channels, side, layers) => {
    const module = createModel(name, { classes: 5 });
    const state = initialState(module, 1);
    const rng = new Rng('explain', name);
    const shape = [channels, side, side];
    const input = f32(
      Float32Array.from({ length: channels * side * side }, () => rng.normal()),
      shape,
    );
    for (const layer of layers) {
      const { value, difference } = await explainValue({ module, state, input, layer, engine: engine! });
      expect(Number.isFinite(value), layer).toBe(true);
      expect(difference, layer).toBeLessThan(1e-4 * Math.max(1, Math.abs(value)));
    }
  });
});
