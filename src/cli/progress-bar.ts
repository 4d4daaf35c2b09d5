import { SingleBar } from 'cli-progress';
import type { DownloadProgress } from '../data/download.ts';
import { duration } from './format.ts';

/** A bar is shown only for what takes longer. */
const patienceMs = 2000;
const shareSteps = 1000;

export interface Bar {
  onProgress: (done: number, total: number) => void;
  /** The share that is done, 0 to 1, where there is nothing to count. */
  onShare: (share: number) => void;
  onDownload: (progress: DownloadProgress) => void;
  stop: () => void;
}

/** Tells on the terminal, not in a pipe, how far something is. */
export function openBar(what: string): Bar {
  const startMs = performance.now();
  let bar: SingleBar | undefined;
  const update = (done: number, total: number, count: string) => {
    const elapsedMs = performance.now() - startMs;
    if (!process.stderr.isTTY || elapsedMs < patienceMs) return;
    const left = done > 0 ? duration(((elapsedMs / done) * (total - done)) / 1000) : '–';
    if (!bar) {
      const format = `${what}  {bar} {percentage}%  ${count}{left} left`;
      // With its cursor: a signal may end the process before anything shows it again.
      bar = new SingleBar({ format, barsize: 30, stream: process.stderr, clearOnComplete: true, gracefulExit: false });
      bar.start(total, done, { left });
    }
    bar.update(done, { left });
  };
  const onShare = (share: number) => update(Math.round(share * shareSteps), shareSteps, '');
  return {
    onProgress: (done, total) => update(done, total, '{value}/{total}  '),
    onShare,
    onDownload: ({ receivedBytes, totalBytes }) => totalBytes && onShare(receivedBytes / totalBytes),
    stop: () => bar?.stop(),
  };
}

/** Shows a bar for as long as some work goes on. */
export async function withBar<T>(what: string, work: (bar: Bar) => Promise<T>): Promise<T> {
  const bar = openBar(what);
  try {
    return await work(bar);
  } finally {
    bar.stop();
  }
}
