import { describe, expect, it } from 'vitest';
import { sizeOf } from '../core/shape.ts';
import { trace } from '../nn/index.ts';
import { branchBlocks, createModel, defineModel, findModel, InceptionBlock, listModels } from './index.ts';

describe('models', () => {
  it.each(listModels().map((spec) => spec.name))('%s: its own picture gives scores', (name) => {
    const graph = trace(createModel(name, { classes: 7 }), [2, ...findModel(name).inputShape]);
    expect(graph.values[graph.outputs.y].shape).toEqual([2, 7]);
  });

  it('course-cnn has the course’s keys and number of parameters', () => {
    const parameters = createModel('course-cnn', { classes: 10 }).parameters();
    expect([...parameters.keys()]).toEqual(['conv1.0.weight', 'conv1.0.bias', 'conv2.0.weight', 'conv2.0.bias', 'out.weight', 'out.bias']);
    expect([...parameters.values()].reduce((n, p) => n + sizeOf(p.shape), 0)).toBe(28938);
  });

  it('an Inception block can be made alone', () => {
    const block = new InceptionBlock(192, branchBlocks.Mixed_5b);
    const graph = trace(block, [1, 192, 35, 35]);
    expect(graph.values[graph.outputs.y].shape).toEqual([1, block.outChannels, 35, 35]);
  });

  it('suggests the nearest name', () => {
    expect(() => createModel('course-cn', { classes: 10 })).toThrow("Did you mean 'course-cnn'?");
  });

  it('refuses counts below 1', () => {
    expect(() => createModel('course-cnn', { classes: 0 })).toThrow('classes as an integer above 0');
  });

  it('refuses a name that is taken', () => {
    expect(() => defineModel(findModel('course-cnn'))).toThrow('a new name');
  });
});
