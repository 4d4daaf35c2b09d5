import type { NeededRegion, Picture, Region, Size } from '../picture.ts';
import { type Scratch, slots } from '../scratch.ts';
import { type AxisMap, cropMap, flipMap, identityMap, isRun, padMap, rangeOf } from './axis.ts';
import { resize, resizeNeeds } from './resize.ts';
import { rotate, rotateNeeds, rotateSpans } from './rotate.ts';
import { type Colour, type GeometryStep, sizeAfter } from './step.ts';
import { gather, type Target, type View } from './view.ts';

type Resampling = Extract<GeometryStep, { op: 'resize' | 'rotate' }>;

/** At most one step that computes pixels, and after it crops, flips and pads, which only say where each pixel is found. */
interface Stage {
  readonly resampling?: Resampling;
  /** Size of the input of `resampling`. */
  readonly from: Size;
  readonly xMap: AxisMap;
  readonly yMap: AxisMap;
  readonly fills: readonly Colour[];
}

/**
 * Geometric steps in a row, planned for pictures of one size.
 *
 * Crops, flips and pads cost nothing: they choose which places the rotation or the resize before or after them computes, so that every list with one
 * of the two is one sampling of the source, and only the source pixels that this needs are decoded. Two that compute pixels in one list (a resize, then a
 * rotation) stay two samplings, of the needed part alone: torchvision rounds to 8 bits, and usually takes the nearest pixel, between them, and one joint sampling would
 * differ by far more than 3 of 255 at every edge.
 */
export class GeometryPlan {
  readonly size: Size;
  /** What of the source is read. */
  readonly needs: NeededRegion;
  readonly #stages: readonly Stage[];
  /** What stage k makes of the places that the next one reads. */
  readonly #windows: readonly Region[];

  constructor(steps: readonly GeometryStep[], size: Size) {
    this.#stages = stagesOf(steps, size);
    const { xMap, yMap } = this.#stages.at(-1)!;
    this.size = { width: xMap.length, height: yMap.length };
    const windows: Region[] = [{ x: 0, y: 0, ...this.size }];
    for (let k = this.#stages.length - 1; k > 0; k--) windows.unshift(needsOf(this.#stages[k], windows[0]));
    this.#windows = windows;
    this.needs = this.#sourceNeeds(size);
  }

  #sourceNeeds(size: Size): NeededRegion {
    const [{ xMap, yMap }, next] = this.#stages;
    const [window] = this.#windows;
    const xs = rangeOf(xMap.subarray(window.x, window.x + window.width));
    const ys = rangeOf(yMap.subarray(window.y, window.y + window.height));
    // A crop beside the picture reads nothing of it: one pixel keeps the rest simple.
    if (!xs || !ys) return { x: 0, y: 0, width: Math.min(1, size.width), height: Math.min(1, size.height) };
    const region = { x: xs[0], y: ys[0], width: xs[1] - xs[0], height: ys[1] - ys[0] };
    if (next?.resampling?.op !== 'rotate' || !isRun(xMap) || !isRun(yMap)) return region;
    const part = partOf(next, this.#windows[1]);
    const spans = rotateSpans(next.resampling, next.from, part.xMap, part.yMap, window);
    return { ...region, spans: spans.map((column) => column + xMap[0]) };
  }

  /** Applies the steps. `picture` holds at least what the plan needs; the result goes to `into`, 3 bytes a pixel in the room of `scratch`. */
  render({ data, window, width, height }: Picture, into: Uint8Array, scratch: Scratch): void {
    let view: View = { data, stride: 3 * (window?.width ?? width), x: window?.x ?? 0, y: window?.y ?? 0, width, height };
    for (const [k, stage] of this.#stages.entries()) {
      const region = this.#windows[k];
      const part = partOf(stage, region);
      const isLast = k === this.#stages.length - 1;
      if (!isLast && !stage.resampling && isRun(stage.xMap) && isRun(stage.yMap)) {
        const [left, top] = [stage.xMap[0], stage.yMap[0]];
        view = { ...view, x: view.x - left, y: view.y - top, width: stage.xMap.length, height: stage.yMap.length };
        continue;
      }
      const result = isLast ? into : scratch.bytes(k & 1 ? slots.oddStage : slots.evenStage, 3 * region.width * region.height);
      sample(stage.resampling, view, { ...part, fills: stage.fills, into: result }, scratch);
      view = { data: result, stride: 3 * region.width, x: region.x, y: region.y, width: stage.xMap.length, height: stage.yMap.length };
    }
  }
}

function sample(step: Resampling | undefined, view: View, target: Target, scratch: Scratch): void {
  if (step === undefined) gather(view, target);
  else if (step.op === 'rotate') rotate(step, view, target, scratch);
  else resize(view, step, target, scratch);
}

/** The maps of the places in a window of a stage's result. */
const partOf = ({ xMap, yMap }: Stage, { x, y, width, height }: Region) => ({
  xMap: xMap.subarray(x, x + width),
  yMap: yMap.subarray(y, y + height),
});

/** What a stage reads of the stage before it to make a window of its result. */
function needsOf(stage: Stage, window: Region): Region {
  const { xMap, yMap } = partOf(stage, window);
  const step = stage.resampling!;
  if (step.op === 'rotate') return rotateNeeds(step, stage.from, xMap, yMap);
  const [x0, x1] = resizeNeeds(xMap, stage.from.width, step.width, step.filter);
  const [y0, y1] = resizeNeeds(yMap, stage.from.height, step.height, step.filter);
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

function stagesOf(steps: readonly GeometryStep[], size: Size): Stage[] {
  const stages: Stage[] = [{ from: size, xMap: identityMap(size.width), yMap: identityMap(size.height), fills: [] }];
  for (const step of steps) {
    const stage = stages.at(-1)!;
    const before = { width: stage.xMap.length, height: stage.yMap.length };
    if (step.op === 'resize' || step.op === 'rotate') {
      if (step.op === 'resize' && step.width === before.width && step.height === before.height) continue;
      const { width, height } = sizeAfter(step, before);
      stages.push({ resampling: step, from: before, xMap: identityMap(width), yMap: identityMap(height), fills: [] });
    } else stages[stages.length - 1] = { ...stage, ...moved(step, stage) };
  }
  return stages;
}

const black: Colour = [0, 0, 0];

function moved(step: Exclude<GeometryStep, Resampling>, { xMap, yMap, fills }: Stage): Pick<Stage, 'xMap' | 'yMap' | 'fills'> {
  const fill = fills.length;
  if (step.op === 'flip') return step.axis === 'horizontal' ? { xMap: flipMap(xMap), yMap, fills } : { xMap, yMap: flipMap(yMap), fills };
  if (step.op === 'crop') {
    const { left, top, width, height } = step;
    return { xMap: cropMap(xMap, left, width, fill), yMap: cropMap(yMap, top, height, fill), fills: [...fills, black] };
  }
  const { left, top, right, bottom, mode } = step;
  return { xMap: padMap(xMap, left, right, mode, fill), yMap: padMap(yMap, top, bottom, mode, fill), fills: [...fills, step.fill] };
}
