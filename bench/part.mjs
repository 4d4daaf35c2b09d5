// Runs one part in this process and hands its rows to the one that asked.
import { openCourse } from './course.mjs';

const part = process.argv[2];
if (part === 'machine') {
  const { engine, close } = await openCourse();
  process.send(engine.info);
  await close();
} else {
  const { bench } = await import(`./${part}.bench.mjs`);
  process.send(await bench());
}
process.disconnect();
