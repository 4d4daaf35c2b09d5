import { type SplitName, splitNames } from './folder-reader.ts';
import type { FolderReport, PictureSplit } from './image-folder.ts';

/** What each part is for, in words; nothing is said of a part without a purpose. */
export type Purposes = Readonly<Partial<Record<SplitName, string>>>;

export const validationPurposes: Purposes = {
  val: 'to validate with',
  // Neither training nor the choice of its best epoch may see them.
  test: 'kept apart, for: npx fovea val <run> --data <folder>/test',
};
const trainingPurposes: Purposes = { train: 'to train with', ...validationPurposes };
const MOST_NAMED = 5;

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** The first of many, and how many more there are. */
function listed(items: readonly string[]): string {
  const more = items.length - MOST_NAMED;
  return items.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** A file that may hold names for the classes, such as the course's `cat_to_name.json`. */
export const namesAmong = (files: readonly string[]): string | undefined => files.find((file) => /^[^/]*name[^/]*\.json$/i.test(file));

const quote = (name: string) => `'${name}'`;

/** The classes that given names do not mention, on one line; none if there are none. */
export const describeUnnamed = (unnamed: readonly string[]): string[] =>
  unnamed.length > 0 ? [`no name given for ${count(unnamed.length, 'class', 'classes')}: ${listed(unnamed.map(quote))}`] : [];

/** What was found in a folder, one line each; nothing is said of what is in order. */
export function describeFolder(
  splits: Partial<Record<SplitName, PictureSplit>>,
  classes: number,
  found: Omit<FolderReport, 'lines'>,
  purposes = trainingPurposes,
): string[] {
  const lines: string[] = [];
  for (const split of splitNames) {
    const part = splits[split];
    if (!part || !purposes[split]) continue;
    const present = new Set(part.labels).size;
    lines.push(`found ${count(part.files.length, 'image')} in ${count(present, 'class', 'classes')} ${purposes[split]}`);
    const missing = found.missing.filter((m) => m.split === split).map((m) => `'${m.class}'`);
    if (missing.length > 0)
      lines.push(`${split}: no pictures of ${listed(missing)} (${missing.length} of ${count(classes, 'class', 'classes')})`);
  }
  const { emptyClasses, broken, ignored, unnamed } = found;
  if (emptyClasses.length > 0)
    lines.push(`${count(emptyClasses.length, 'class folder')} without pictures: ${listed(emptyClasses.map(quote))}`);
  if (broken.length > 0)
    lines.push(`skipped ${count(broken.length, 'broken file')}: ${listed(broken.map(({ file, reason }) => `${file} (${reason})`))}`);
  if (ignored.length > 0) lines.push(`ignored ${count(ignored.length, 'other file')}: ${listed(ignored)}`);
  return [...lines, ...describeUnnamed(unnamed)];
}
