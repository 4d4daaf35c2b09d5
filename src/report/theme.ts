import { element, text } from './svg.ts';

/** Colours of every picture: blue and vermilion stay apart for the colour-blind (Okabe and Ito). */
export const colours = {
  paper: '#ffffff',
  panel: '#f8f9fb',
  grid: '#e1e5eb',
  axis: '#8a93a0',
  ink: '#1f2733',
  faint: '#5c6675',
  train: '#0072b2',
  test: '#d55e00',
  good: '#1a7f37',
  bad: '#c62828',
} as const;

/** Sizes of text in px. */
export const sizes = { title: 20, heading: 15, body: 13, small: 12 } as const;

export const fontFamily = 'DejaVu Sans';

/** A whole drawing on paper, with its title and a line of explanation. */
export function drawing(width: number, height: number, body: readonly string[]): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width: Math.ceil(width),
    height: Math.ceil(height),
    viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
    'font-family': `'${fontFamily}', Verdana, sans-serif`,
    'font-size': sizes.body,
    fill: colours.ink,
  };
  const paper = element('rect', { width: '100%', height: '100%', fill: colours.paper });
  return `${element('svg', attributes, `\n${[paper, ...body].join('\n')}\n`)}\n`;
}

/** The title at the top of a drawing and, if there is one, a line below it. */
export const header = (x: number, title: string, note: string): string =>
  text(x, 36, title, { 'font-size': sizes.title, 'font-weight': 'bold' }) + text(x, 58, note, { fill: colours.faint });
export const headerHeightPx = (note: string): number => (note ? 76 : 54);
