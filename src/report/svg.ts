import { line as lineShape } from 'd3-shape';
import stringWidth from 'string-width';

/** Attributes in SVG's spelling; `undefined` leaves one out. */
export type SvgAttributes = Readonly<Record<string, string | number | undefined>>;

/** Text made safe for XML: markup is escaped, characters XML forbids are dropped. */
export function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to drop.
  const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;
  return text.replace(forbidden, '').replace(/[&<>"]/g, (sign) => entities[sign]);
}

const formatValue = (value: string | number): string =>
  typeof value === 'number' ? String(Math.round(value * 100) / 100) : escapeXml(value);

/** One element; `children` is SVG already. */
export function element(name: string, attributes: SvgAttributes, children = ''): string {
  const pairs = Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [` ${key}="${formatValue(value)}"`]));
  return children ? `<${name}${pairs.join('')}>${children}</${name}>` : `<${name}${pairs.join('')}/>`;
}

/** A line of text, black, 12 px and left-aligned unless the attributes say otherwise. */
export const text = (x: number, y: number, words: string, attributes: SvgAttributes = {}): string =>
  element('text', { x, y, ...attributes }, escapeXml(words));

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: SvgAttributes): string =>
  element('line', { x1, y1, x2, y2, ...attributes });

/** Straight lines from point to point, with a gap at every point that is not finite. */
export function polyline(points: readonly { readonly x: number; readonly y: number }[], attributes: SvgAttributes): string {
  const path = lineShape<{ readonly x: number; readonly y: number }>(
    (p) => p.x,
    (p) => p.y,
  )
    .defined((p) => Number.isFinite(p.x) && Number.isFinite(p.y))
    .digits(1);
  return element('path', { d: path([...points]) ?? '', fill: 'none', 'stroke-linejoin': 'round', 'stroke-width': 2, ...attributes });
}

/** A whole number with its thousands apart: 60 000. */
export const formatCount = (value: number): string => value.toLocaleString('en-US').replaceAll(',', '\u202f');

const graphemes = new Intl.Segmenter();

/** As much as has room in so many places, of which a Chinese character takes two; the last one is … where something had to go. */
export function ellipsis(words: string, places: number): string {
  if (stringWidth(words) <= places) return words;
  let kept = '';
  for (const { segment } of graphemes.segment(words)) {
    if (stringWidth(kept + segment) >= places) break;
    kept += segment;
  }
  return `${kept}…`;
}
