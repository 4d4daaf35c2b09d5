import { readFile } from 'node:fs/promises';
import { DataError, messageOf } from '../core/errors.ts';

/** Names to show for classes, by the name of the class's folder. */
export type ClassNames = Readonly<Record<string, string>>;

/**
 * Reads a file such as the course's `cat_to_name.json`: an object from folder names to names to show.
 *
 * **Throws** `DataError` if the file is missing, no JSON or holds anything but text.
 *
 * @example await readClassNames('flowers/cat_to_name.json') // { '1': 'pink primrose', … }
 */
export async function readClassNames(file: string): Promise<ClassNames> {
  const expected = 'a JSON object with a name for every class folder';
  const refuse = (got: string, cause?: unknown) =>
    new DataError({ where: file, expected, got, hint: 'Such as {"1": "pink primrose"}' }, { cause });
  let names: unknown;
  try {
    names = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
  if (typeof names !== 'object' || names === null || Array.isArray(names))
    throw refuse(Array.isArray(names) ? 'a list' : JSON.stringify(names));
  for (const [key, name] of Object.entries(names)) if (typeof name !== 'string') throw refuse(`${JSON.stringify(name)} for '${key}'`);
  return names as ClassNames;
}
