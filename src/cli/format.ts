import type { EngineInfo } from '../engine/engine.ts';
import type { HistoryRow } from '../train/progress.ts';

export const percent = (rate: number): string => `${(100 * rate).toFixed(2)}%`;
/** `1 image`, `2 images`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
/** Whether the five most probable classes say something: among five or fewer they do not. */
export const tellsTop5 = (classes: ArrayLike<unknown>): boolean => classes.length > 5;

/** A loss in four places, with an exponent where it ran away: `0.1832`, `6.654e+29`. */
export const lossText = (loss: number): string => (Math.abs(loss) < 1e6 ? loss.toFixed(4) : loss.toExponential(3));

/** `9.4 s`, `2 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (n: number) => `${Math.floor(n)}`.padStart(2, '0');
  return minutes < 60 ? `${minutes} min ${two(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** `epoch 1  [6400/60000 (11%)]  loss 0.1832  train 94.19%  test 97.42%` */
export function evaluationLine(row: HistoryRow, trainImages: number): string {
  const width = `${trainImages}`.length;
  const position = `[${`${row.images}`.padStart(width)}/${trainImages} (${`${Math.round((100 * row.images) / trainImages)}`.padStart(3)}%)]`;
  return `epoch ${row.epoch}  ${position}  loss ${lossText(row.loss)}  train ${percent(row.trainAccuracy)}  test ${percent(row.testAccuracy)}`;
}

/** `oneDNN 2.6.3 (avx512_core), 2 threads`. */
export function engineName({ name, version, isa, threads }: Pick<EngineInfo, 'name' | 'version' | 'isa' | 'threads'>): string {
  return name === 'reference' ? 'portable (TypeScript)' : `oneDNN ${version} (${isa}), ${counted(threads, 'thread')}`;
}
