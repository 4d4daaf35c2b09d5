import { createRequire } from 'node:module';
import path from 'node:path';
import { Resvg, type ResvgRenderOptions } from '@resvg/resvg-js';
import { element, text } from './svg.ts';
import { fontFamily } from './theme.ts';

type Fonts = NonNullable<ResvgRenderOptions['font']>;

const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf');
/** Fonts of the npm package `dejavu-fonts-ttf`: the same letters on every machine, one without fonts too. */
const own: Fonts = {
  fontFiles: ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) => path.join(folder, file)),
  loadSystemFonts: false,
  defaultFontFamily: fontFamily,
};
/** The system's besides: slower, so they are looked at only for signs that DejaVu lacks, such as Chinese. */
const withSystem: Fonts = { ...own, loadSystemFonts: true };

/** A sign that no font has: what is drawn like it is drawn as an empty box. */
const missing = '\u{10fffd}';
const cellPx = { width: 64, height: 48 };

/** Which of the signs the fonts can draw. */
function drawnWith(font: Fonts, signs: readonly string[]): string[] {
  const rows = [missing, ...signs];
  const words = rows.map((sign, i) => text(8, cellPx.height * i + 34, sign, { 'font-size': 28, 'font-family': fontFamily }));
  const size = { width: cellPx.width, height: cellPx.height * rows.length };
  const svg = element('svg', { xmlns: 'http://www.w3.org/2000/svg', ...size }, words.join(''));
  const { pixels } = new Resvg(svg, { font }).render();
  const cellBytes = 4 * cellPx.width * cellPx.height;
  const [box, ...cells] = rows.map((_, i) => pixels.subarray(cellBytes * i, cellBytes * (i + 1)));
  return signs.filter((_, i) => cells[i].some((byte) => byte > 0) && !cells[i].equals(box));
}

/** Spaces, marks on other signs and signs that steer these have no shape of their own. */
const isShapeless = (sign: string): boolean => /^[\s\p{M}\p{Cf}]$/u.test(sign);

const known = new Map<string, Fonts | undefined>();

/** By sign, the fonts that draw it; undefined if none of this machine does. */
function fontsOf(words: string): ReadonlyMap<string, Fonts | undefined> {
  const unknown = [...new Set(words)].filter((sign) => !known.has(sign) && !isShapeless(sign));
  for (const sign of unknown) known.set(sign, undefined);
  for (const fonts of [own, withSystem]) {
    const rest = unknown.filter((sign) => !known.get(sign));
    if (rest.length > 0) for (const sign of drawnWith(fonts, rest)) known.set(sign, fonts);
  }
  return known;
}

/** The fonts it takes to draw a text, or a drawing. */
export const fontsFor = (words: string): Fonts => {
  const signs = (words.match(/[^\p{ASCII}]+/gu) ?? []).join('');
  const fonts = fontsOf(signs);
  return [...signs].some((sign) => fonts.get(sign) === withSystem) ? withSystem : own;
};

const graphemes = new Intl.Segmenter();
/** What a reader takes for one sign, each with whether it can be drawn. */
function piecesOf(words: string): { piece: string; isDrawn: boolean }[] {
  const fonts = fontsOf(words);
  const isDrawn = (piece: string) => [...piece].every((sign) => isShapeless(sign) || fonts.get(sign) !== undefined);
  return [...graphemes.segment(words)].map(({ segment: piece }) => ({ piece, isDrawn: isDrawn(piece) }));
}

const codesOf = (words: string): string => [...words].map((sign) => sign.codePointAt(0)!.toString(16).toUpperCase()).join(' ');

/** Words, or a drawing, with the Unicode numbers of signs that no font of this machine has: `⟨1F339⟩ rose`. */
export const legible = (words: string): string =>
  words.replace(/[^\p{ASCII}]+/gu, (run) =>
    piecesOf(run)
      .map(({ piece, isDrawn }) => (isDrawn ? piece : `⟨${codesOf(piece)}⟩`))
      .join('')
      .replaceAll('⟩⟨', ' '),
  );

const isAllDrawn = (pieces: readonly { isDrawn: boolean }[]): boolean => pieces.every(({ isDrawn }) => isDrawn);

/** Whether fonts of this machine have every sign of it. */
export const isDrawable = (words: string): boolean => isAllDrawn(piecesOf(words));

/** A drawing's title: what it shows of what, the latter left out if no font can draw it. */
export const titled = (name: string, shows: string): string =>
  isDrawable(name) ? `${name}: ${shows}` : shows.charAt(0).toUpperCase() + shows.slice(1);

/** Names of classes for drawings: one with signs that no font of this machine has is the class's number and what remains of it. */
export const drawnNames = (names: readonly string[]): string[] =>
  names.map((name, c) => {
    const pieces = piecesOf(name);
    const rest = pieces
      .flatMap(({ piece, isDrawn }) => (isDrawn ? piece : []))
      .join('')
      .trim();
    return isAllDrawn(pieces) ? name : `class ${c}${rest && `: ${rest}`}`;
  });

/** At most so many names are told. */
const mostTold = 20;

/** Which class numbers stand in drawings for names that no font can draw, and what helps: `again` draws them anew. Empty if all can be drawn. */
export function fontNote(names: readonly string[], again: string): string[] {
  const numbered = drawnNames(names).flatMap((shown, c) => (shown === names[c] ? [] : [`  ${shown}  ${names[c]}`]));
  if (numbered.length === 0) return [];
  return [
    'No font of this machine can draw some of the names. The drawings call them:',
    ...numbered.slice(0, mostTold),
    ...(numbered.length > mostTold ? [`  … and ${numbered.length - mostTold} more`] : []),
    `With a font that can (Debian: fonts-noto-cjk; none of colour emoji), ${again} draws them anew.`,
  ];
}
