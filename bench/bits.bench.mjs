// The same seed twice: are the weights and the optimizer's states the same bit for bit?
import { createHash } from 'node:crypto';
import { batches, openCourse, timeSteps } from './course.mjs';

const steps = 500;

async function digest(seed) {
  const course = await openCourse({ seed });
  await timeSteps(course.step, batches(steps, seed));
  const state = await course.store.read();
  await course.close();
  const hash = createHash('sha256');
  for (const name of [...state.keys()].sort()) {
    const { data } = state.get(name);
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex').slice(0, 12);
}

export async function bench() {
  const [first, second, other] = [await digest(0), await digest(0), await digest(1)];
  return [
    {
      what: `weights after ${steps} steps, same seed twice`,
      fovea: `${first}, ${second} (another seed: ${other})`,
      peer: '–',
      result: first === second ? 'same bits' : 'different',
      target: 'same bits',
      met: first === second && other !== first,
    },
  ];
}
