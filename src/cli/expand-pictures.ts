import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { DataError, messageOf } from '../core/errors.ts';
import { listPictures } from '../data/list-pictures.ts';
import { pathKind } from '../data/path-kind.ts';

/** What the signs of a pattern stand for; everything else stands for itself. */
const signs: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/^\*\*\//, () => '(?:.*/)?'],
  [/^\*\*/, () => '.*'],
  [/^\*/, () => '[^/]*'],
  [/^\?/, () => '[^/]'],
  [/^\[(!?)([^\]/]+)\]/, ([, not, set]) => `[${not && '^'}${set.replaceAll('\\', '\\\\')}]`],
];

const isPattern = (text: string): boolean => /[*?[{]/.test(text);

/** A pattern (`*`, `**`, `?`, `[abc]`) as a regular expression. */
function formOf(pattern: string): RegExp {
  let source = '';
  for (let rest = pattern; rest; ) {
    const [found, sign] = signs.map(([form, make]) => [form.exec(rest), make] as const).find(([match]) => match) ?? [];
    source += found ? sign!(found) : rest[0].replace(/[.+^${}()|\\[\]*?/]/, '\\$&');
    rest = rest.slice(found ? found[0].length : 1);
  }
  return new RegExp(`^${source}$`);
}

/** `a.{jpg,png}` as `a.jpg` and `a.png`. */
function alternatives(pattern: string): string[] {
  const [, before, list, after] = /^(.*?)\{([^{}]+)\}(.*)$/s.exec(pattern) ?? [];
  return list === undefined ? [pattern] : list.split(',').flatMap((one) => alternatives(before + one + after));
}

/** What lies in a folder; in one that is not there, nothing. */
const entriesOf = (folder: string): Promise<Dirent[]> =>
  readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw new DataError(
      { where: folder, expected: 'a folder that can be read', got: messageOf(error), hint: 'Use a pattern that leaves it out' },
      { cause: error },
    );
  });

/** The files that match a pattern without alternatives. Only folders that it can mean are read; links to folders are not followed. */
async function matching(pattern: string): Promise<string[]> {
  const parts = pattern.split('/');
  const last = parts.length - 1;
  const whole = formOf(pattern);
  const filesIn = async (folder: string, depth: number): Promise<string[]> => {
    const isAnyDepth = parts.slice(0, depth + 1).some((part) => part.includes('**'));
    const form = isAnyDepth ? undefined : formOf(parts[depth]);
    const files: string[] = [];
    for (const entry of await entriesOf(folder || '.')) {
      const file = folder + entry.name;
      if (entry.isDirectory()) {
        if (isAnyDepth || (depth < last && form!.test(entry.name))) files.push(...(await filesIn(`${file}/`, depth + 1)));
      } else if (whole.test(file)) {
        // A link that leads nowhere is a picture that cannot be read, one to a folder is none.
        if (entry.isFile() || (entry.isSymbolicLink() && (await pathKind(file)) !== 'folder')) files.push(file);
      }
    }
    return files;
  };
  const start = parts.findIndex((part, depth) => depth === last || isPattern(part));
  const base = parts.slice(0, start).map((part) => `${part}/`);
  return filesIn(base.join(''), start);
}

/** The files that match a pattern, each once. */
async function filesLike(pattern: string): Promise<string[]> {
  const found = await Promise.all(alternatives(pattern).map(matching));
  return [...new Set(found.flat())].sort();
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
    if (kind === 'file' || (!kind && !isPattern(input))) {
      files.push(input);
      continue;
    }
    const full = path.resolve(input);
    const found = kind
      ? (await listPictures(path.dirname(full), path.basename(full))).pictures.map((picture) => path.join(path.dirname(input), picture))
      : await filesLike(path.normalize(input).split(path.sep).join('/'));
    if (found.length === 0)
      throw new DataError({ where: input, expected: 'pictures', got: kind ? 'a folder without any' : 'nothing that matches' });
    files.push(...found);
  }
  return files;
}
