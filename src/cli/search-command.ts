import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { columns } from '../core/columns.ts';
import { UsageError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { pathKind } from '../data/path-kind.ts';
import { decodePicture, openPicture } from '../data/picture.ts';
import { asWriteError, writeAtomic } from '../data/write-atomic.ts';
import { mosaicSvg, type Tile } from '../report/mosaic.ts';
import { renderPng } from '../report/render.ts';
import { type IndexReport, openIndex, type SearchResult, search } from '../search/index.ts';

import { namedNetwork } from './named-network.ts';
import { engineOptionsIn, integerIn, searchAliases, withAliases } from './options.ts';
import { printLines, printNotes } from './print.ts';
import { openBar } from './progress-bar.ts';

export interface SearchCommandOptions {
  picture: string;
  in: string;
  model: string;
  weights?: string;
  classes?: unknown;
  topk?: unknown;
  includeSelf?: boolean;
  out?: string;
  engine?: unknown;
  threads?: unknown;
  json?: boolean;
}

/** What is worth saying besides the results, one line each. */
function remarks({ pictures, added, changed, removed, broken, file, rebuilt, unsaved }: IndexReport): string[] {
  const changes = Object.entries({ new: added, changed, removed }).flatMap(([what, count]) => (count ? [`${count} ${what}`] : []));
  return [
    ...(rebuilt ? [`the index was made anew: ${rebuilt}`] : []),
    ...(changes.length ? [`${pictures} pictures (${changes.join(', ')})${file ? `, kept in ${file}` : ''}`] : []),
    ...broken.map((one) => `skipped ${one.file}: ${one.reason}`),
    ...(unsaved ? [`the index could not be kept: ${unsaved}`] : []),
  ];
}

interface Result extends SearchResult {
  /** Name of its class, where it lies in a class folder of the run. */
  className?: string;
}

/** Names the class of a picture by the nearest folder that is one of the run's classes. */
function classNamer(folders: readonly string[] = [], names: readonly string[]): (name: string) => string | undefined {
  const shown = new Map(folders.map((folder, c) => [folder, names[c]]));
  return (name) => {
    const folder = name
      .split('/')
      .slice(0, -1)
      .findLast((part) => shown.has(part));
    return folder === undefined ? undefined : shown.get(folder);
  };
}

const rowOf = ({ name, similarity, className = '' }: Result): string[] => [
  name,
  similarity.toFixed(4),
  ...(name.split('/').includes(className) ? [''] : [className]),
];

/** The picture asked for, then those found, with their similarities. */
async function drawGrid(picture: string, results: readonly Result[], note: string): Promise<Uint8Array> {
  const tile = async (file: string, caption: string): Promise<Tile> => {
    const { data: pixels, width, height } = await decodePicture(file);
    return { pixels, width, height, caption };
  };
  const tiles = [await tile(picture, `query ${path.basename(picture)}`)];
  for (const { file, name, similarity, className } of results) {
    const below = name.split('/').slice(-2).join('/');
    tiles.push(
      await tile(file, className === undefined ? `${similarity.toFixed(2)} ${below}` : `${similarity.toFixed(2)} ${className}\n${below}`),
    );
  }
  return renderPng(await mosaicSvg(tiles, { title: `Most similar to ${path.basename(picture)}`, note }));
}

/** Refuses what can be known not to take the drawing, before the work for it. */
async function checkOut(file: string): Promise<void> {
  const folder = path.dirname(file);
  const got =
    path.extname(file).toLowerCase() !== '.png' || (await pathKind(file)) === 'folder'
      ? `'${file}'`
      : (await pathKind(folder)) !== 'folder' && `'${file}', and '${folder}' is no folder`;
  if (got) throw new UsageError({ where: '--out', expected: 'a file that ends in .png, in a folder that exists', got });
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw asWriteError(file, error);
  });
}

/** The pictures of a folder that are most similar to one. */
export async function searchCommand(options: SearchCommandOptions): Promise<number> {
  const { picture, in: folder, model: network, includeSelf, out, json } = options;
  const topK = integerIn(withAliases({ ...options }, searchAliases).topk, '--topk', 1) ?? 12;
  const engineOptions = engineOptionsIn(options);
  if (out !== undefined) await checkOut(out);
  // Before thousands of others are looked at for it.
  await openPicture(picture);
  const { name, module, inputShape, preprocessing, classNames, classFolders, state } = await namedNetwork({
    network,
    weights: options.weights,
    classes: options.classes,
    mustBeTrained: true,
  });
  if (!preprocessing)
    throw new UsageError({
      where: '--model',
      expected: 'a network that takes pictures in files',
      got: `${name} (${formatShape(inputShape)})`,
    });
  const classOf = classNamer(classFolders, classNames);
  const bar = openBar('looking at pictures');
  const index = await openIndex(folder, {
    model: module,
    state: await state(),
    transforms: preprocessing,
    ...engineOptions,
    onProgress: bar.onProgress,
  }).finally(bar.stop);
  try {
    const found = await search(index, picture, { topK, includeSelf });
    const results = found.map((one) => ({ ...one, className: classOf(one.name) }));
    const { report } = index;
    printNotes(remarks(report));
    if (json) console.log(JSON.stringify({ query: picture, folder, index: report, results }, null, 2));
    else if (results.length === 0) console.log('no other picture in the folder');
    else printLines(columns(results.map(rowOf)));
    if (out !== undefined) await writeAtomic(out, await drawGrid(picture, results, `${report.pictures} pictures, ${name}`));
    return 0;
  } finally {
    await index.close();
  }
}
