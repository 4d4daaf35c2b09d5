// A long run: is the time per step flat, does memory stay, is the main thread free?
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { batches, openCourse, timeSteps } from './course.mjs';
import { median, ms, percent } from './numbers.mjs';

const steps = 5000;
const settledAt = 200;
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

export async function bench() {
  const course = await openCourse();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let settledBytes = 0;
  const intervals = await timeSteps(course.step, batches(steps), (done) => {
    if (done !== settledAt) return;
    settledBytes = process.memoryUsage.rss();
    delay.enable();
  });
  delay.disable();
  const endBytes = process.memoryUsage.rss();
  const { memory } = course.program;
  await course.close();
  const tenth = intervals.length / 10;
  const first = median(intervals.slice(0, tenth));
  const last = median(intervals.slice(-tenth));
  const slower = last / first - 1;
  const growth = endBytes / settledBytes - 1;
  const p99 = delay.percentile(99) / 1e6;
  return [
    {
      what: `step time, first and last tenth of ${steps}`,
      fovea: `${ms(first)} → ${ms(last)}`,
      peer: '–',
      result: percent(slower),
      target: '≤ 5 %',
      met: slower <= 0.05,
    },
    {
      what: `resident memory, step ${settledAt} and ${steps}`,
      fovea: `${mib(settledBytes)} → ${mib(endBytes)} (arena ${mib(memory.arenaBytes)}, store ${mib(memory.storeBytes)})`,
      peer: '–',
      result: percent(growth),
      target: '≤ 5 %',
      met: growth <= 0.05,
    },
    {
      what: 'event-loop delay of the main thread, p99',
      fovea: `${ms(p99)} (longest ${ms(delay.max / 1e6)})`,
      peer: '–',
      result: ms(p99),
      target: '< 20 ms',
      met: p99 < 20,
    },
  ];
}
