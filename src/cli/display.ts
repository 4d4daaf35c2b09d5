import { MultiBar } from 'cli-progress';
import { printable } from '../core/errors.ts';
import { duration } from './format.ts';
import { printLines } from './print.ts';

/** Where a run's lines go: with a bar below them on a terminal, plain in a pipe. */
export interface Display {
  line(text: string): void;
  /** Pictures looked at before the first step. */
  prepare(done: number, total: number): void;
  /** Images done in all. */
  advance(images: number): void;
  end(): void;
}

const [wrapOn, wrapOff] = ['\u001b[?7h', '\u001b[?7l'];

/** Speed is taken over this long a time: it follows changes and does not flicker. */
const windowSeconds = 3;
const nowSeconds = () => performance.now() / 1000;

export function openDisplay(
  epochs: number,
  epochImages: number,
  imagesBefore: number,
  { live = Boolean(process.stdout.isTTY) } = {},
): Display {
  if (!live) return { line: (text) => printLines([text]), prepare: () => {}, advance: () => {}, end: () => {} };
  const bars = new MultiBar({
    format: '{doing}  {bar} {percentage}%  {speed} images/s  {left} left',
    barsize: 30,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: process.stdout,
    hideCursor: true,
    clearOnComplete: true,
    fps: 8,
    // Signals are the command's own.
    gracefulExit: false,
  });
  const totalImages = epochs * epochImages;
  const epochOf = (images: number) => `epoch ${Math.min(epochs, Math.floor(images / epochImages) + 1)}/${epochs}`;
  const bar = bars.create(totalImages, imagesBefore, { doing: epochOf(imagesBefore), speed: '–', left: '–' });
  const opened = nowSeconds();
  let start = { seconds: opened, images: imagesBefore };
  const marks = [start];
  return {
    // Bars are cut at the edge of the terminal; what is to be read goes on in the next row.
    line: (text) => void bars.log(`${wrapOn}${printable(text)}\n${wrapOff}`),
    prepare(done, total) {
      const speed = done / (nowSeconds() - opened);
      bar.setTotal(total);
      bar.update(done, { doing: 'looking at the pictures', speed: Math.round(speed), left: duration((total - done) / speed) });
      if (done < total) return;
      bar.setTotal(totalImages);
      bar.update(imagesBefore, { doing: epochOf(imagesBefore), speed: '–', left: '–' });
      start = { seconds: nowSeconds(), images: imagesBefore };
      marks.splice(0, marks.length, start);
    },
    advance(images) {
      const seconds = nowSeconds();
      if (seconds - marks.at(-1)!.seconds < 0.1) return;
      marks.push({ seconds, images });
      while (marks.length > 2 && seconds - marks[1].seconds > windowSeconds) marks.shift();
      const speed = (images - marks[0].images) / (seconds - marks[0].seconds);
      const overall = (images - start.images) / (seconds - start.seconds);
      bar.update(images, { doing: epochOf(images - 1), speed: Math.round(speed), left: duration((totalImages - images) / overall) });
    },
    end() {
      if (bars.isActive) bars.stop();
    },
  };
}
