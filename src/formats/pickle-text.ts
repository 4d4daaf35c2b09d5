import type { PickleMachine } from './pickle-machine.ts';
import { formatName } from './pickle-types.ts';

/** One character a byte; TextDecoder's `latin1` is another encoding. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}
const trimmedLine = (m: PickleMachine): string => latin1(m.line()).trim();

const escapes = new Map(
  [...'\'"\\'].map((c) => [c, c]).concat([...'nrtabfv'].map((c, i) => [c, '\n\r\t\x07\b\f\v'[i]])) as [string, string][],
);

/** A Python literal in quotes, with its escapes. */
export function quotedLine(m: PickleMachine): string | Uint8Array {
  const text = /^(['"])(.*)\1$/s.exec(trimmedLine(m))?.[2] ?? m.fail('a string in quotes', 'one without');
  const plain = text.replace(/\\(?:x([\da-fA-F]{2})|([0-7]{1,3})|(.))/gs, (all, hex?: string, octal?: string, letter?: string) => {
    if (letter !== undefined) return escapes.get(letter) ?? all;
    return String.fromCharCode(Number.parseInt(hex ?? octal!, hex ? 16 : 8) & 255);
  });
  return m.textOrBytes(Uint8Array.from(plain, (c) => c.charCodeAt(0)));
}

/** Latin-1 with `\u` escapes. */
export const unicodeLine = (m: PickleMachine): string =>
  latin1(m.line()).replace(/\\u([\da-fA-F]{4})|\\U([\da-fA-F]{8})/g, (_, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long!, 16);
    return code > 0x10ffff ? m.fail('a character of Unicode', `number ${code}`) : String.fromCodePoint(code);
  });

const booleans = new Map([
  ['00', false],
  ['01', true],
]);

/** An integer in decimal digits; protocol 0 writes booleans as 00 and 01. */
export function integerLine(m: PickleMachine): number | bigint | boolean {
  const text = trimmedLine(m);
  return booleans.get(text) ?? m.decimal(text.replace(/L$/, ''));
}

/** A place in the memo. */
export const indexLine = (m: PickleMachine): number | bigint => m.decimal(trimmedLine(m));

const notFinite = new Map([
  ['nan', Number.NaN],
  ['inf', Infinity],
  ['-inf', -Infinity],
]);
export function floatLine(m: PickleMachine): number {
  const text = trimmedLine(m);
  const value = notFinite.get(text) ?? (/^[-+\d.eE]+$/.test(text) ? Number(text) : Number.NaN);
  return Number.isNaN(value) && text !== 'nan' ? m.fail('a number', `'${formatName(text)}'`) : value;
}

export const nameLine = (m: PickleMachine): string => m.text(m.line());
