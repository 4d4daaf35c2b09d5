import path from 'node:path';
import { DataError } from '../core/errors.ts';
import { mostSimilar } from './most-similar.ts';
import type { PictureIndex } from './picture-index.ts';

export interface SearchOptions {
  /** Pictures wanted, from 1; default 12. */
  topK?: number;
  /** List the picture itself, if it lies in the folder; default false. */
  includeSelf?: boolean;
}

export interface SearchResult {
  /** Path that begins with the folder as it was given. */
  readonly file: string;
  /** Path below the folder, with `/`. */
  readonly name: string;
  /** Cosine of the angle between the pictures' features, −1 … 1; above 0 for features after a ReLU. */
  readonly similarity: number;
}

/**
 * The pictures of a folder that are most similar to one, the most similar first: exact, all are compared.
 *
 *     similarity = cos(features(picture), features(other))    with the features of `featureGraph`
 *
 * - `picture` a file, in the folder or elsewhere; `topK` default 12; `includeSelf` default false
 *
 * A picture that is in the index costs no run of the network. Of equal similarities the first name comes first.
 *
 * **Throws** `DataError` if the picture cannot be decoded; `UsageError` if `topK` is not an integer from 1; `EngineError` if the index was
 * closed.
 *
 * @example const [{ name, similarity }] = await search(index, 'rose.jpg', { topK: 1 });
 */
export async function search(
  index: PictureIndex,
  picture: string,
  { topK = 12, includeSelf = false }: SearchOptions = {},
): Promise<SearchResult[]> {
  // Not only where the network has to run: whether a closed index answers must not depend on where the picture lies.
  index.embedder.checkOpen();
  const own = await index.rowsOf(picture);
  const query = await queryOf(index, picture, own.find(({ row, isCurrent }) => isCurrent && !index.isBroken(row))?.row);
  const hidden = new Set(includeSelf ? [] : own.map(({ row }) => row));
  const found = mostSimilar(index.vectors, query, topK, (row) => !index.isBroken(row) && !hidden.has(row));
  return found.map(({ row, similarity }) => {
    const name = index.nameOf(row);
    return { file: path.join(index.folder, name), name, similarity };
  });
}

async function queryOf({ vectors, embedder }: PictureIndex, picture: string, row: number | undefined): Promise<Float32Array> {
  if (row !== undefined) return vectors.subarray(row * embedder.size, (row + 1) * embedder.size);
  const made = await embedder.embed([picture]);
  if (made.broken.length > 0)
    throw new DataError({ where: picture, expected: 'a picture (JPEG, PNG, WebP, BMP, GIF, TIFF)', got: made.broken[0].reason });
  return made.vectors;
}
