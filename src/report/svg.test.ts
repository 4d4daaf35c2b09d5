import { describe, expect, it } from 'vitest';
import { element, ellipsis, escapeXml, formatCount, text } from './svg.ts';

describe('svg', () => {
  it('escapes markup and drops what XML forbids', () => {
    expect(escapeXml('a < b & "c"\u0000\u001b\ud800 é 🐈')).toBe('a &lt; b &amp; &quot;c&quot; é 🐈');
    expect(text(1, 2, '<script>')).toBe('<text x="1" y="2">&lt;script&gt;</text>');
    expect(element('g', { id: '"', x: 1 / 3, y: undefined })).toBe('<g id="&quot;" x="0.33"/>');
  });

  it('shortens words and groups thousands', () => {
    expect(ellipsis('hard-leaved pocket orchid', 24)).toBe('hard-leaved pocket orch…');
    expect(ellipsis('玫瑰花', 6)).toBe('玫瑰花');
    expect(ellipsis('玫瑰花', 5)).toBe('玫瑰…');
    expect(ellipsis('玫瑰花', 4)).toBe('玫…');
    expect(ellipsis('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…');
    expect(formatCount(60000)).toBe('60\u202f000');
  });
});
