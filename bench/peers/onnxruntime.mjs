// A network in ONNX Runtime: `onnxruntime.mjs <package> <file.onnx> <size px>`; answers {"kind": "infer", "batch", "steps"} with {medianMs, peakMiB}.
import { createRequire } from 'node:module';
import { peakMiB, serve } from '../hired.mjs';
import { median } from '../numbers.mjs';

const [packageFolder, file, size] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const { InferenceSession, Tensor } = createRequire(import.meta.url)(packageFolder);
const session = await InferenceSession.create(file);

async function infer({ batch, steps }) {
  const x = new Tensor('float32', Float32Array.from({ length: batch * 3 * size * size }, Math.random), [batch, 3, size, size]);
  const took = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await session.run({ x });
    took.push(performance.now() - start);
  }
  return { medianMs: median(took), peakMiB: await peakMiB() };
}
await serve({ infer });
