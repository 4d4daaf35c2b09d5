import { type Scratch, slots } from '../scratch.ts';
import { blur } from './blur.ts';
import type { ColourStep } from './step.ts';

/** A step that changes every pixel by itself, as the kernels take it: code, factor (or steps of hue), base. */
type PixelStep = readonly [code: number, factor: number, base?: number];

const codes = { blend: 0, saturation: 1, hue: 2, grayscale: 3 } as const;

/** Puts steps where the kernels find them. */
export function placeSteps(steps: readonly PixelStep[], scratch: Scratch): number {
  const ints = scratch.ints(slots.colourSteps, 4 * (steps.length + 1));
  const floats = new Float32Array(ints.buffer, ints.byteOffset, ints.length);
  for (const [i, [code, factor, base = 0]] of steps.entries()) {
    ints[4 * i] = code;
    if (code === codes.hue) ints[4 * i + 1] = factor;
    else floats[4 * i + 1] = factor;
    ints[4 * i + 2] = base;
  }
  return ints.byteOffset;
}

/** Applies steps to RGB pixels in place; returns their mean grey (ITU-R 601 in PIL's 16-bit fixed point) afterwards, rounded. */
export function applyPixelSteps(pixels: Uint8Array, steps: readonly PixelStep[], scratch: Scratch): number {
  const count = pixels.length / 3;
  const sum = scratch.kernels.colourPixels(pixels.byteOffset, count, placeSteps(steps, scratch), steps.length);
  return Math.floor(sum / count + 0.5);
}

/**
 * Applies colour steps in place to RGB pixels in the room of `scratch`, as PIL does, rounding to 8 bits after each.
 *
 * Steps that need no neighbours are applied in one pass; a contrast, which needs the mean grey of what comes before it, and a blur end a pass. Returns the steps that are
 * left for the last one, which the writing of the tensor does on its way.
 *
 * **Source**: PIL 9, `ImageEnhance` and its 8-bit HSV.
 */
export function applyColour(pixels: Uint8Array, width: number, steps: readonly ColourStep[], scratch: Scratch): PixelStep[] {
  let waiting: PixelStep[] = [];
  for (const step of steps) {
    if (step.op === 'brightness') waiting.push([codes.blend, step.factor]);
    else if (step.op === 'contrast') waiting = [[codes.blend, step.factor, applyPixelSteps(pixels, waiting, scratch)]];
    else if (step.op === 'saturation') waiting.push([codes.saturation, step.factor]);
    else if (step.op === 'hue') waiting.push([codes.hue, Math.trunc(step.factor * 255) & 255]);
    else if (step.op === 'grayscale') waiting.push([codes.grayscale, 0]);
    else {
      applyPixelSteps(pixels, waiting, scratch);
      waiting = [];
      blur(pixels, width, step, scratch);
    }
  }
  return waiting;
}

export type { PixelStep };
