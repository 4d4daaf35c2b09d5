/** `predict` with a model as its authors trained it, on real photos. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { fovea, root } from './command.ts';

const shared = path.resolve(root, '..', 'shared', 'data');
const hasData = existsSync(shared);
if (!hasData) console.warn(`skipped: photos and ImageNet weights, because ${shared} is absent`);

it.skipIf(!hasData)('names what PyTorch’s squeezenet1_0 sees in the photos', async () => {
  const [photos, weights] = ['imagenet/photos', 'weights/squeezenet1_0.pth'].map((name) => path.join(shared, name));
  const { status, stdout } = await fovea(['predict', photos, '--model', 'squeezenet1_0', '--weights', weights, '--json'], { cwd: root });
  expect(status).toBe(0);
  const { photos: expected } = JSON.parse(readFileSync(path.join(shared, 'imagenet/expected_top5.json'), 'utf8'));
  const seen = JSON.parse(stdout) as { image: string; guesses: { className: string; classIndex: number; prob: number }[] }[];
  expect(seen).toHaveLength(Object.keys(expected).length);
  for (const { image, guesses } of seen) {
    const { top5 } = expected[path.basename(image)] as { top5: { index: number; name: string; prob: number }[] };
    expect(guesses.map(({ classIndex, className }) => [classIndex, className])).toEqual(top5.map(({ index, name }) => [index, name]));
    for (const [i, { prob }] of guesses.entries()) expect(prob).toBeCloseTo(top5[i].prob, 3);
  }
});
