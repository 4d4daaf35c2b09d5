/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];
export type PadMode = 'constant' | 'edge' | 'reflect' | 'symmetric';
export type ResizeFilter = 'bilinear' | 'bicubic';

/** Lengths in pixels, angles in degrees counter-clockwise, factors as torchvision's functional form takes them. */
export type GeometryStep =
  | { readonly op: 'resize'; readonly width: number; readonly height: number; readonly filter: ResizeFilter }
  | {
      readonly op: 'rotate';
      readonly angle: number;
      readonly interpolation: 'nearest' | 'bilinear';
      readonly center?: readonly [number, number];
      readonly fill: Colour;
    }
  | { readonly op: 'crop'; readonly left: number; readonly top: number; readonly width: number; readonly height: number }
  | {
      readonly op: 'pad';
      readonly left: number;
      readonly top: number;
      readonly right: number;
      readonly bottom: number;
      readonly mode: PadMode;
      readonly fill: Colour;
    }
  | { readonly op: 'flip'; readonly axis: 'horizontal' | 'vertical' };

type Adjustment = 'brightness' | 'contrast' | 'saturation' | 'hue';
export type ColourStep =
  | { [O in Adjustment]: { readonly op: O; readonly factor: number } }[Adjustment]
  | { readonly op: 'grayscale' }
  | { readonly op: 'blur'; readonly kernelSize: readonly [number, number]; readonly sigma: number };

export type TensorStep =
  | { readonly op: 'toTensor'; readonly channels: 1 | 3 }
  | { readonly op: 'normalize'; readonly mean: readonly number[]; readonly std: readonly number[] }
  | {
      readonly op: 'erase';
      readonly left: number;
      readonly top: number;
      readonly width: number;
      readonly height: number;
      /** One number for all channels or one for each, or the seed of normal noise. */
      readonly fill: { readonly value: readonly number[] } | { readonly noise: number };
    };

/** What a transform does to one picture once its random numbers are drawn: plain data, the same result whenever it is applied. */
export type Step = GeometryStep | ColourStep | TensorStep;

const geometry: readonly Step['op'][] = ['resize', 'rotate', 'crop', 'pad', 'flip'];
const tensor: readonly Step['op'][] = ['toTensor', 'normalize', 'erase'];

export const isGeometry = (step: Step): step is GeometryStep => geometry.includes(step.op);
export const isTensor = (step: Step): step is TensorStep => tensor.includes(step.op);

/** Size of the picture after a step. */
export function sizeAfter<S extends { readonly width: number; readonly height: number }>(
  step: Step,
  { width, height }: S,
): { width: number; height: number } {
  if (step.op === 'resize' || step.op === 'crop') return { width: step.width, height: step.height };
  if (step.op === 'pad') return { width: width + step.left + step.right, height: height + step.top + step.bottom };
  return { width, height };
}
