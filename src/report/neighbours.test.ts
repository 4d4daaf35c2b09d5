import { describe, expect, it } from 'vitest';
import { type NeighbourCase, type NeighbourTile, neighboursSvg } from './neighbours.ts';
import { renderPng } from './render.ts';
import { colours } from './theme.ts';

const grey = { pixels: new Uint8Array(16), width: 4, height: 4 };
const tile = (className: string, isRight: boolean, votes = true): NeighbourTile => ({ ...grey, className, isRight, votes });
const one: NeighbourCase = {
  query: grey,
  truth: 'deer',
  swatches: [{ name: 'this picture', fill: '#102030' }],
  views: [
    {
      name: 'pixels, k = 2',
      guess: 'airplane & co',
      isRight: false,
      neighbours: [tile('airplane & co', false), tile('deer', true), tile('a very long name of a class', false, false)],
      votes: [
        { className: 'airplane & co', count: 1 },
        { className: 'deer', count: 1 },
      ],
    },
  ],
};

describe('neighboursSvg', () => {
  it('shows query, neighbours, votes and colours; pale are those too far to vote', async () => {
    const svg = await neighboursSvg([one], { title: 'Title', note: 'note' });
    expect(svg.match(/<image /g)).toHaveLength(4);
    expect(svg).toContain('pixels, k = 2: airplane &amp; co, wrong');
    expect(svg).toContain('fill="#102030"');
    expect(svg.match(/opacity="0.35"/g)).toHaveLength(1);
    expect(svg.match(new RegExp(`stroke="${colours.good}"`, 'g'))).toHaveLength(1);
    expect(svg.match(new RegExp(`stroke="${colours.bad}"`, 'g'))).toHaveLength(2);
    expect(svg).toMatch(/>a very[^<]*…</);
    expect((await renderPng(svg, { scale: 1 })).length).toBeGreaterThan(1000);
  });

  it('leaves no vote out: what has no row of its own is summed up', async () => {
    const votesOf = async (counts: readonly number[]) => {
      const votes = counts.map((count, i) => ({ className: `class${i}`, count }));
      const svg = await neighboursSvg([{ ...one, views: [{ ...one.views[0], neighbours: [], votes }] }], { title: 'Title', note: '' });
      return Array.from(svg.matchAll(/>(class\d|\d others|\d+)</g), ([, words]) => words);
    };
    expect(await votesOf([7, 3, 2, 1])).toEqual(['class0', '7', 'class1', '3', 'class2', '2', 'class3', '1']);
    expect(await votesOf([5, 5, 2, 2, 2, 2, 1, 1])).toEqual(['class0', '5', 'class1', '5', 'class2', '2', '5 others', '8']);
  });

  it('keeps its width whatever the names', async () => {
    const widthWith = async (truth: string) => {
      const votes = [{ className: truth, count: 1 }];
      const views = [{ ...one.views[0], guess: truth, neighbours: [tile(truth, true)], votes }];
      const svg = await neighboursSvg([{ ...one, truth, swatches: [{ name: `all of ${truth}`, fill: '#102030' }], views }], {
        title: '',
        note: '',
      });
      return Number(/width="(\d+)"/.exec(svg)![1]);
    };
    for (const name of ['W'.repeat(200), '玫瑰'.repeat(100), '\u{f1234}'.repeat(50)]) expect(await widthWith(name)).toBeLessThan(1000);
  });

  it('says so if there is nothing to show', async () => {
    expect(await neighboursSvg([], { title: 'Title', note: '' })).toContain('nothing to show');
  });
});
