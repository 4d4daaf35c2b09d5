import { expect, it } from 'vitest';
import { sizeText } from './linear-output.ts';

it('sizeText tells small sizes apart', () => {
  expect([12.7512, 0.98487, 0.013524, 0.012514].map(sizeText)).toEqual(['12.75', '0.9849', '0.01352', '0.01251']);
});
