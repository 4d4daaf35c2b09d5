import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from '../core/errors.ts';
import { listPictures } from '../data/list-pictures.ts';
import { pathKind } from '../data/path-kind.ts';

/** What the signs of a pattern stand for; everything else stands for itself. */
const signs: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/^\*\*\//, () => '(?:.*/)?'],
  [/^\*\*/, () => '.*'],
  [/^\*/, () => '[^/]*'],
  [/^\?/, () => '[^/]'],
  [/^\[(!?)([^\]/]+)\]/, ([, not, set]) => `[${not && '^'}${set.replaceAll('\\', '\\\\')}]`],
  [/^\{([^{}]+)\}/, ([, list]) => `(?:${list.split(',').map(sourceOf).join('|')})`],
];

/** A pattern (`*`, `**`, `?`, `[abc]`, `{jpg,png}`) as the source of a regular expression. */
function sourceOf(pattern: string): string {
  let source = '';
  for (let rest = pattern; rest; ) {
    const [found, sign] = signs.map(([form, make]) => [form.exec(rest), make] as const).find(([match]) => match) ?? [];
    source += found ? sign!(found) : rest[0].replace(/[.+^${}()|\\[\]*?/]/, '\\$&');
    rest = rest.slice(found ? found[0].length : 1);
  }
  return source;
}

async function matching(pattern: string): Promise<string[]> {
  const parts = pattern.split('/');
  const fixed = parts
    .slice(
      0,
      parts.findIndex((part) => /[*?[{]/.test(part)),
    )
    .join('/');
  const form = new RegExp(`^${sourceOf(pattern)}$`);
  const base = fixed || (pattern.startsWith('/') ? '/' : '.');
  const entries = await readdir(base, {
    recursive: pattern.includes('**') || parts.length > fixed.split('/').length,
    withFileTypes: true,
  }).catch(() => []);
  const fileOf = (entry: Dirent) =>
    path
      .join(entry.parentPath ?? entry.path, entry.name)
      .split(path.sep)
      .join('/');
  const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => ({ entry, file: fileOf(entry) }));
  const found = files.filter(({ file }) => form.test(file));
  // A link that leads nowhere is a picture that cannot be read, one to a folder is none.
  const isFolder = await Promise.all(found.map(async ({ entry, file }) => entry.isSymbolicLink() && (await pathKind(file)) === 'folder'));
  return found.flatMap(({ file }, i) => (isFolder[i] ? [] : [file])).sort();
}

/**
 * The picture files that arguments of a command mean: files as they are, all pictures below a folder, the files that match a pattern.
 *
 * **Throws** `DataError` if a folder or a pattern has no pictures. A file that is not there is left for its reader to complain about.
 */
export async function expandPictures(inputs: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const input of inputs) {
    const kind = await pathKind(input);
    if (kind === 'file' || (!kind && !/[*?[{]/.test(input))) {
      files.push(input);
      continue;
    }
    const full = path.resolve(input);
    const found = kind
      ? (await listPictures(path.dirname(full), path.basename(full))).pictures.map((picture) => path.join(path.dirname(input), picture))
      : await matching(path.normalize(input).split(path.sep).join('/'));
    if (found.length === 0)
      throw new DataError({ where: input, expected: 'pictures', got: kind ? 'a folder without any' : 'nothing that matches' });
    files.push(...found);
  }
  return files;
}
