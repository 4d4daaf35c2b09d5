import { describe, expect, it } from 'vitest';
import { formatCsv, predictionsCsv, resultsCsv } from './csv.ts';

describe('csv', () => {
  it('quotes what needs it', () => {
    expect(
      formatCsv(
        ['a', 'b,c'],
        [
          [1, 'say "hi"'],
          [undefined, 'two\nlines'],
          [true, ' x '],
        ],
      ),
    ).toBe('a,"b,c"\n1,"say ""hi"""\n,"two\nlines"\ntrue, x \n');
  });

  it('writes results with the columns that were measured, to seven digits', () => {
    const row = {
      epoch: 1,
      step: 100,
      seconds: 1.5,
      imagesPerS: 4000,
      trainLoss: 0.123456789,
      trainAccuracy: 0.9,
      testLoss: Number.NaN,
      lr: 1e-3,
    };
    expect(resultsCsv([row])).toBe(
      'epoch,step,seconds,images_per_s,train_loss,train_accuracy,test_loss,lr\n1,100,1.5,4000,0.1234568,0.9,NaN,0.001\n',
    );
    expect(resultsCsv([row, { ...row, testTop5Accuracy: 0.5 }])).toBe(
      'epoch,step,seconds,images_per_s,train_loss,train_accuracy,test_loss,lr,test_top5_accuracy\n' +
        '1,100,1.5,4000,0.1234568,0.9,NaN,0.001,\n1,100,1.5,4000,0.1234568,0.9,NaN,0.001,0.5\n',
    );
    expect(resultsCsv([{ ...row, trainTop5Accuracy: 0.75, testTop5Accuracy: 0.5 }]).split('\n')[1]).toMatch(/,0\.001,0\.75,0\.5$/);
    expect(resultsCsv([]).split('\n')).toHaveLength(2);
  });

  it('writes predictions, with every probability where classes are given', () => {
    const prediction = { index: 8, truth: 'ants', guess: 'bees, wild', probability: 0.75, probabilities: Float32Array.of(0.25, 0.75) };
    expect(predictionsCsv([prediction])).toBe('index,truth,guess,probability,correct\n8,ants,"bees, wild",0.75,false\n');
    expect(predictionsCsv([prediction], ['ants', 'bees, wild'])).toBe(
      'index,truth,guess,probability,correct,p(ants),"p(bees, wild)"\n8,ants,"bees, wild",0.75,false,0.25,0.75\n',
    );
  });
});
