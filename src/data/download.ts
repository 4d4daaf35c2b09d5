import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { DataError, FoveaError, messageOf } from '../core/errors.ts';

export interface DownloadProgress {
  /** Bytes on the disk, those of earlier attempts included. */
  receivedBytes: number;
  /** Length of the whole file, if the server tells. */
  totalBytes?: number;
}

export interface DownloadOptions {
  onProgress?: (progress: DownloadProgress) => void;
  /** Stops the download; what has arrived stays. */
  signal?: AbortSignal;
  /** How often a connection that broke is opened again. Default: 4. */
  retries?: number;
  /** Wait before the first new attempt; doubled for each further one. Default: 500. */
  retryDelayMs?: number;
  /** A connection that brings nothing for so long counts as broken. Default: 60 000. */
  stallMs?: number;
}

/** A failure that may pass by itself. */
class PassingFailure extends Error {}

/** No way to the server: worth another attempt only if there was one before. */
const offlineCodes = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN']);
const passingCodes = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', ...offlineCodes]);
const passingStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);

const codeOf = (error: unknown): string => {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : cause ? codeOf(cause) : '';
};
const passes = (error: unknown): boolean =>
  error instanceof PassingFailure || passingCodes.has(codeOf(error)) || codeOf(error).startsWith('UND_ERR_');

/** The error's own words and those of its cause, which for `fetch` is where they stand. */
const wordsOf = (error: unknown): string => {
  const cause = (error as { cause?: unknown })?.cause;
  return cause ? `${messageOf(error)}: ${messageOf(cause) || codeOf(cause)}` : messageOf(error);
};

/** A disk's error as one that tells the reader which file and what to do. */
export function asCacheError(file: string, error: unknown): FoveaError {
  if (error instanceof FoveaError) return error;
  const full = ['ENOSPC', 'EDQUOT'].includes(codeOf(error));
  const hint = full ? 'The disk is full: free some space and run again, or set FOVEA_CACHE' : 'Set FOVEA_CACHE';
  const complaint = { where: file, expected: 'to write the file', got: messageOf(error), hint: `${hint} to a folder where there is room` };
  return new DataError(complaint, { cause: error });
}

export const sizeOfFile = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** First byte and length of the whole file, as `Content-Range` tells: `bytes 200-999/1000`, or for a range that is not there, a star. */
function parseContentRange(response: Response): { start?: number; total?: number } {
  const [, start, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '') ?? [];
  return { start: start ? Number(start) : undefined, total: total && total !== '*' ? Number(total) : undefined };
}

/** One attempt: goes on behind what the file holds, or from the start if the server knows no ranges. */
async function transfer(url: string, file: string, { onProgress, signal, stallMs = 60_000 }: DownloadOptions): Promise<void> {
  const stall = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stillAlive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stall.abort(new PassingFailure(`nothing arrived for ${stallMs / 1000} s`)), stallMs);
  };
  let handle: FileHandle | undefined;
  try {
    stillAlive();
    const have = await sizeOfFile(file);
    const response = await fetch(url, {
      // Compressed bytes could be neither counted nor gone on with.
      headers: { 'accept-encoding': 'identity', ...(have ? { range: `bytes=${have}-` } : {}) },
      signal: AbortSignal.any([stall.signal, ...(signal ? [signal] : [])]),
    });
    const range = parseContentRange(response);
    if (response.status === 416 && range.total === have) return void (await response.body?.cancel());
    const goesOn = response.status === 206 && range.start === have;
    if (!goesOn && [206, 416].includes(response.status)) {
      await response.body?.cancel();
      await rm(file, { force: true });
      throw new PassingFailure(`another range than bytes ${have} and up`);
    }
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      const status = `${response.status} ${response.statusText}`.trim();
      if (passingStatuses.has(response.status)) throw new PassingFailure(status);
      throw new DataError({ where: url, expected: 'the file', got: status });
    }
    let receivedBytes = goesOn ? have : 0;
    const length = response.headers.get('content-length');
    const totalBytes = range.total ?? (length === null ? undefined : receivedBytes + Number(length));
    const toDisk = <T>(work: Promise<T>) => work.catch((error) => Promise.reject(asCacheError(file, error)));
    handle = await toDisk(open(file, goesOn ? 'a' : 'w'));
    onProgress?.({ receivedBytes, totalBytes });
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      stillAlive();
      await toDisk(handle.writeFile(chunk));
      receivedBytes += chunk.length;
      onProgress?.({ receivedBytes, totalBytes });
    }
    if (totalBytes !== undefined && receivedBytes !== totalBytes)
      throw new PassingFailure(`a connection that ended after ${receivedBytes} of ${totalBytes} bytes`);
    await toDisk(handle.sync());
  } catch (error) {
    throw stall.signal.aborted ? stall.signal.reason : error;
  } finally {
    clearTimeout(timer);
    await handle?.close();
  }
}

/**
 * Downloads into a file, going on where an earlier download stopped, and again after a connection that breaks.
 *
 * - `url`: http or https; redirects are followed.
 * - `file`: may hold the first bytes already.
 *
 * **Throws** `DataError` naming the URL and the status, the cut or the way that is not there; a disk's error; the signal's reason.
 * What has arrived stays in the file.
 */
export async function download(url: string, file: string, options: DownloadOptions = {}): Promise<void> {
  const { signal, retries = 4, retryDelayMs = 500 } = options;
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await transfer(url, file, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof FoveaError) throw error;
      const offline = offlineCodes.has(codeOf(error));
      if (passes(error) && attempt < retries && !(offline && attempt === 0)) {
        await delay(retryDelayMs * 2 ** attempt, undefined, { signal });
        continue;
      }
      const kept = await sizeOfFile(file);
      const got = kept ? `${wordsOf(error)} (${kept} bytes have arrived)` : wordsOf(error);
      throw new DataError({ where: url, expected: offline ? 'a way to the server' : 'the whole file', got }, { cause: error });
    }
  }
}
