import { DataError, ShapeError } from '../../core/errors.ts';
import type { Rng } from '../../core/rng.ts';
import { formatShape, type Shape } from '../../core/shape.ts';
import { checkPixels } from '../check-pixels.ts';
import type { NeededRegion, Picture, PictureFile, Size } from '../picture.ts';
import { Scratch, slots } from '../scratch.ts';
import { recordOf, type TransformList } from './catalogue.ts';
import { applyColour, applyPixelSteps, type PixelStep } from './colour.ts';
import { GeometryPlan } from './geometry.ts';
import { checkOrder, isDeterministic, parseTransforms, sampleShapeOf } from './parse.ts';
import { type ColourStep, type GeometryStep, isGeometry, isTensor, type Step, sizeAfter, type TensorStep } from './step.ts';
import { writeTensor } from './tensor.ts';

/** Steps of one kind in a row. */
type Run = { readonly geometry: GeometryStep[] } | { readonly colour: ColourStep[] };

/** A picture on its way: pixels and the colour steps still to be applied to them. */
interface Work {
  picture: Picture;
  colour: readonly PixelStep[];
}

function runsOf(steps: readonly Step[]): { runs: Run[]; tensor: TensorStep[] } {
  const runs: Run[] = [];
  const tensor: TensorStep[] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (isTensor(step)) tensor.push(step);
    else if (isGeometry(step)) {
      if (last && 'geometry' in last) last.geometry.push(step);
      else runs.push({ geometry: [step] });
    } else if (last && 'colour' in last) last.colour.push(step);
    else runs.push({ colour: [step] });
  }
  return { runs, tensor };
}

/**
 * Transforms in order, ready to be applied.
 *
 * Random numbers are drawn first, for the size of one picture, as plain data (`draw`); what is done with them (`replay`, `show`) depends on nothing else, so any draw
 * can be repeated and looked at. One pipeline serves one thread.
 *
 * Largest difference from torchvision 0.14 on a PIL picture, of 255: bilinear rotation 1, Gaussian blur 1 (none found), every other step 0; brightness, contrast, saturation
 * and hue were compared over all 2²⁴ colours. Tensors are the same to the last bit.
 *
 * **Source**: torchvision 0.14, `torchvision.transforms`, over PIL 9.
 *
 * @example
 * const valid = compose([{ name: 'Resize', size: 256 }, { name: 'CenterCrop', size: 224 }, { name: 'ToTensor' }]);
 * valid.run(await decodePicture('rose.jpg'), new Rng(0), new Float32Array(3 * 224 * 224));
 */
export class Pipeline {
  /** With every default filled in. */
  readonly specs: TransformList;
  readonly isDeterministic: boolean;
  /** `[C, H, W]`; undefined if it depends on the picture. */
  readonly sampleShape: Shape | undefined;
  readonly #channels: 1 | 3;
  #scratch: Scratch | undefined;

  constructor(specs: TransformList) {
    this.specs = specs;
    this.isDeterministic = isDeterministic(specs);
    this.sampleShape = sampleShapeOf(specs);
    this.#channels = checkOrder(specs).channels;
  }

  /** Draws the random numbers for a picture of one size: the steps that `replay` applies. */
  draw(rng: Rng, size: Size): Step[] {
    const steps: Step[] = [];
    let now: Size = { width: size.width, height: size.height };
    for (const spec of this.specs) {
      const { name, ...options } = spec;
      const drawn = recordOf(name).draw(options, rng, now, this.#channels);
      for (const step of drawn) now = sizeAfter(step, now);
      steps.push(...drawn);
    }
    return steps;
  }

  /** The part of a picture that steps read: all that has to be decoded. */
  needs(steps: readonly Step[], size: Size): NeededRegion {
    return planOf(runsOf(steps).runs[0], size)?.needs ?? whole(size);
  }

  /**
   * Applies drawn steps and writes the numbers, channels first, at `offset`.
   *
   * **Throws** `ShapeError` if they do not fit there; `DataError` if the picture has not the bytes of its size, or lacks pixels that the steps need.
   */
  replay(picture: Picture, steps: readonly Step[], into: Float32Array, offset = 0): void {
    const { runs, tensor } = runsOf(steps);
    this.#withScratch((scratch) => this.#write(picture, runs, tensor, into, offset, scratch));
  }

  /** The picture as it is just before it becomes a tensor. **Throws** `DataError` as `replay` does. */
  show(picture: Picture, steps: readonly Step[]): Picture {
    return this.#withScratch((scratch) => {
      const { picture: result, colour } = this.#process(picture, runsOf(steps).runs, scratch);
      applyPixelSteps(result.data, colour, scratch);
      return { width: result.width, height: result.height, data: result.data.slice() };
    });
  }

  /** Draws for a decoded picture and applies; returns what was drawn. **Throws** as `replay` does. */
  run(picture: Picture, rng: Rng, into: Float32Array, offset = 0): Step[] {
    const steps = this.draw(rng, picture);
    this.replay(picture, steps, into, offset);
    return steps;
  }

  /** Draws for a picture file, decodes what that needs, and applies; returns what was drawn. */
  async load(file: PictureFile, rng: Rng, into: Float32Array, offset = 0): Promise<Step[]> {
    const steps = this.draw(rng, file);
    const { runs, tensor } = runsOf(steps);
    const plan = planOf(runs[0], file);
    const needs = plan?.needs ?? whole(file);
    const ready = this.#withScratch((scratch) => {
      // From here to the written tensor in one go: another picture may take the room while one waits.
      const picture = file.decodeNow?.(needs, scratch);
      if (picture) this.#write(picture, runs, tensor, into, offset, scratch, plan);
      return picture !== undefined;
    });
    if (!ready) {
      const picture = await file.decode(needs);
      this.#withScratch((scratch) => this.#write(picture, runs, tensor, into, offset, scratch, plan));
    }
    return steps;
  }

  #withScratch<T>(use: (scratch: Scratch) => T): T {
    this.#scratch ??= new Scratch();
    const result = use(this.#scratch);
    if (this.#scratch.size > mostKeptBytes) this.#scratch = undefined;
    return result;
  }

  #write(
    picture: Picture,
    runs: readonly Run[],
    tensor: readonly TensorStep[],
    into: Float32Array,
    offset: number,
    scratch: Scratch,
    plan?: GeometryPlan,
  ): void {
    const { picture: result, colour } = this.#process(picture, runs, scratch, plan);
    const shape = [this.#channels, result.height, result.width];
    const length = this.#channels * result.height * result.width;
    if (this.sampleShape?.some((extent, i) => extent !== shape[i]))
      throw new ShapeError({ where: 'transforms', expected: `a sample ${formatShape(this.sampleShape)}`, got: formatShape(shape) });
    if (offset + length > into.length)
      throw new ShapeError({ where: 'transforms', expected: `room for ${formatShape(shape)} at ${offset}`, got: `${into.length} numbers` });
    writeTensor(result.data, result, colour, tensor, into, offset, scratch);
  }

  /** All but the tensor's steps; the pixels of the result lie in the room of `scratch`. `ready` is the plan of the first run, if it was made before. */
  #process(picture: Picture, runs: readonly Run[], scratch: Scratch, ready?: GeometryPlan): Work {
    // The kernels go by the size alone: past the end of the pixels they would read what an earlier picture left.
    checkPixels('picture', picture.window ?? picture, picture.data.length, [3]);
    const plan = ready ?? planOf(runs[0], picture);
    const work: Work = { picture, colour: [] };
    let slot: number = slots.evenRun;
    for (const [k, run] of (runs.length ? runs : [{ geometry: [] }]).entries()) {
      const { picture: now } = work;
      if ('geometry' in run) {
        const geometry = (k === 0 ? plan : undefined) ?? new GeometryPlan(run.geometry, now);
        checkWindow(now, geometry.needs);
        if (work.colour.length > 0) applyPixelSteps(now.data, work.colour, scratch);
        const data = scratch.bytes(slot, 3 * geometry.size.width * geometry.size.height);
        geometry.render(now, data, scratch);
        slot = slots.evenRun + slots.oddRun - slot;
        work.picture = { ...geometry.size, data };
        work.colour = [];
      } else {
        checkWindow(now, whole(now));
        const data = scratch.holds(now.data) && k > 0 ? now.data : scratch.bytes(slot, now.data.length);
        if (data !== now.data) {
          data.set(now.data);
          slot = slots.evenRun + slots.oddRun - slot;
        }
        work.picture = { width: now.width, height: now.height, data };
        work.colour = applyColour(data, now.width, run.colour, scratch);
      }
    }
    return work;
  }
}

/** Room that is larger than this is not kept for the next picture. */
const mostKeptBytes = 2 ** 28;

const whole = ({ width, height }: Size): NeededRegion => ({ x: 0, y: 0, width, height });
const planOf = (run: Run | undefined, size: Size) => (run && 'geometry' in run ? new GeometryPlan(run.geometry, size) : undefined);

function checkWindow({ width, height, window = whole({ width, height }) }: Picture, needs: NeededRegion): void {
  const covers =
    window.x <= needs.x &&
    window.y <= needs.y &&
    window.x + window.width >= needs.x + needs.width &&
    window.y + window.height >= needs.y + needs.height;
  if (covers) return;
  const show = (r: NeededRegion) => `${r.width} × ${r.height} at ${r.x}, ${r.y}`;
  throw new DataError({ where: 'transforms', expected: `the part ${show(needs)} to be decoded`, got: show(window) });
}

/**
 * Checks transforms given as data and makes them ready.
 *
 * **Throws** `UsageError` as `parseTransforms` does, and if the order does not fit.
 *
 * @example const steps = compose([{ name: 'RandomCrop', size: 32, padding: 4 }, { name: 'ToTensor' }]).draw(new Rng(0, 'augment', epoch, index), picture);
 */
export function compose(specs: TransformList | readonly unknown[]): Pipeline {
  return new Pipeline(parseTransforms(specs));
}
