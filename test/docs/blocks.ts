/** A command or program of a page, and what the page says about it. */
export interface Block {
  language: 'sh' | 'ts';
  code: string;
  /** Line of the page, from 1. */
  line: number;
  /** Lines of the `text` block that follows. */
  shown: readonly string[];
  /** Words of `<!-- test: … -->`. */
  budget: readonly string[];
  /** Pieces of `<!-- expect: …; … -->`. */
  expected: readonly string[];
  /** Pieces of `<!-- varies: …; … -->`. */
  varying: readonly string[];
}

const comment = (line: string, kind: string): string | undefined => new RegExp(`^<!-- ${kind}: (.*) -->$`).exec(line)?.[1];

/** The `sh` and `ts` blocks of a page in order. */
export function blocksIn(markdown: string): Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  let remarks: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const language = /^```(\w+)$/.exec(lines[i])?.[1];
    if (!language) {
      remarks = lines[i].startsWith('<!--') ? [...remarks, lines[i]] : [];
      continue;
    }
    const end = lines.indexOf('```', i + 1);
    const content = lines.slice(i + 1, end);
    if (language === 'text') blocks.at(-1)!.shown = content;
    if (language === 'sh' || language === 'ts') {
      const find = (kind: string) => remarks.flatMap((remark) => comment(remark, kind) ?? [])[0];
      const budget = find('test')?.split(' ') ?? [];
      const [expected, varying] = ['expect', 'varies'].map((kind) => find(kind)?.split('; ') ?? []);
      blocks.push({ language, code: content.join('\n'), line: i + 1, shown: [], budget, expected, varying });
    }
    remarks = [];
    i = end;
  }
  return blocks;
}

const numbers = /[-−]?\d+(?:\.\d+)?(?:e[-+]\d+)?/g;
const numberOf = (text: string): number => Number(text.replace('−', '-'));
/** Engines round differently in the last digits. */
const tolerance = 1e-3;

/** A line with its numbers and the width of its gaps left out. */
const wordsOf = (line: string): string =>
  line
    .replaceAll(numbers, '#')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/([[(]) /g, '$1')
    .trim();
const isGap = (line: string): boolean => line.trim() === '' || line.startsWith('…');

/** Whether two lines have the same words and, but for rounding, the same numbers. */
function isAlike(shown: string, printed: string): boolean {
  if (wordsOf(shown) !== wordsOf(printed)) return false;
  const [a, b] = [shown, printed].map((line) => Array.from(line.matchAll(numbers), ([text]) => numberOf(text)));
  return a.every((value, i) => Math.abs(value - b[i]) <= tolerance * Math.max(1, Math.abs(value)));
}

/** The first line shown whose words were printed nowhere, whatever its numbers, or undefined. Lines with one of the `varying` pieces may differ. */
export function firstUnknown(shown: readonly string[], printed: readonly string[], varying: readonly string[]): string | undefined {
  const known = new Set(printed.map(wordsOf));
  return shown.find((line) => !isGap(line) && !varying.some((piece) => line.includes(piece)) && !known.has(wordsOf(line)));
}

/** The first line shown that was not printed, in order, or undefined. Empty lines and those that begin with … stand for anything. */
export function firstMissing(shown: readonly string[], printed: readonly string[]): string | undefined {
  let at = 0;
  for (const line of shown) {
    if (isGap(line)) continue;
    const found = printed.findIndex((other, i) => i >= at && isAlike(line, other));
    if (found < 0) return line;
    at = found + 1;
  }
  return undefined;
}
