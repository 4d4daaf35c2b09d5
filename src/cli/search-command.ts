import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { decodePicture } from '../data/picture.ts';
import { writeAtomic } from '../data/write-atomic.ts';
import { mosaicSvg, renderPng, type Tile } from '../report/index.ts';
import { type IndexReport, type Match, searchPictures } from '../search/index.ts';
import { table } from './format.ts';
import { namedNetwork } from './named-network.ts';
import { engineOptionsIn } from './options.ts';

export interface SearchCommandOptions {
  picture: string;
  in: string;
  model: string;
  weights?: string;
  classes?: unknown;
  topk: number | string;
  out?: string;
  engine?: unknown;
  threads?: unknown;
  json?: boolean;
}

/** Letters of a file's path that fit below a picture, beside the similarity. */
const captionLetters = 19;

const tail = (name: string): string => (name.length > captionLetters ? `…${name.slice(1 - captionLetters)}` : name);

async function grid(picture: string, folder: string, matches: readonly Match[]): Promise<Uint8Array> {
  const tile = async (file: string, caption: string, colour?: Tile['colour']): Promise<Tile> => {
    const { data: pixels, width, height } = await decodePicture(file);
    return { pixels, width, height, caption, colour };
  };
  const tiles = [await tile(picture, 'query', 'good')];
  for (const { name, similarity } of matches) tiles.push(await tile(path.join(folder, name), `${similarity.toFixed(2)} ${tail(name)}`));
  return renderPng(
    await mosaicSvg(tiles, { title: 'Most similar pictures', note: `${path.basename(picture)} in ${path.basename(path.resolve(folder))}` }),
  );
}

/** What happened to the index, for people. */
function* notesOf({ rebuilt, broken, pictures, added, changed, removed, file }: IndexReport): Generator<string> {
  if (rebuilt !== undefined) yield `note: the index was built anew, ${rebuilt}`;
  for (const { file: name, reason } of broken) yield `note: skipped ${name}: ${reason}`;
  if (added + changed + removed > 0) yield `indexed ${pictures} pictures (${added} new, ${changed} changed, ${removed} removed) in ${file}`;
}

/** The pictures of a folder that a network finds most similar to one. */
export async function searchCommand(options: SearchCommandOptions): Promise<number> {
  const { picture, in: folder, model, weights, classes, topk: topK, out, json } = options;
  if (typeof topK !== 'number' || !Number.isInteger(topK) || topK < 1)
    throw new UsageError({ where: '--topk', expected: 'an integer from 1', got: `${topK}` });
  if (out !== undefined && path.extname(out).toLowerCase() !== '.png')
    throw new UsageError({ where: '--out', expected: 'a file name that ends in .png', got: `'${out}'` });
  const engine = engineOptionsIn(options);
  const { module, inputShape, state, note } = await namedNetwork({ network: model, weights, classes });
  if (note) console.error(`note: ${note}`);
  const live = process.stderr.isTTY;
  const onProgress = (done: number, total: number) => {
    if (live) process.stderr.write(`\rreading pictures: ${done} of ${total}${done === total ? '\n' : ''}`);
  };
  const network = { module, inputShape, state: await state() };
  const { matches, report } = await searchPictures(picture, folder, network, { topK, onProgress, ...engine });
  for (const line of notesOf(report)) console.error(line);
  if (out !== undefined) await writeAtomic(out, await grid(picture, folder, matches));
  if (json) console.log(JSON.stringify({ query: picture, folder, matches, index: report, grid: out }, null, 2));
  else {
    for (const line of table(matches.map(({ name, similarity }) => [similarity.toFixed(4), path.join(folder, name)]))) console.log(line);
    if (out !== undefined) console.log(`grid: ${out}`);
  }
  return 0;
}
