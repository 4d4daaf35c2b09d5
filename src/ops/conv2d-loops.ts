import type { NumberArray } from '../core/ndarray.ts';
import type { Shape } from '../core/shape.ts';
import type { Window } from './window.ts';

/*
 * The loops work on f64 copies of one sample's group of channels with the border around them, so that the inner loops need no bounds,
 * see one array type whatever the graph's dtype, and take four taps (or channels) for each time that a sum is loaded and stored.
 */

/** Extents of a convolution; channel counts are per group. */
interface Geometry {
  batch: number;
  groups: number;
  channelsIn: number;
  channelsOut: number;
  height: number;
  width: number;
  top: number;
  left: number;
  /** Extents of a channel with its border. */
  paddedWidth: number;
  paddedPlane: number;
  heightOut: number;
  widthOut: number;
  strideH: number;
  strideW: number;
  /** Where each tap `[c, u, v]` of a filter reads in a padded group when the window is at the top left. */
  taps: Int32Array;
}

export function geometryOf(window: Window, groups: number, x: Shape, y: Shape): Geometry {
  const [kernelH, kernelW] = window.kernel;
  const [dilationH, dilationW] = window.dilation;
  const [strideH, strideW] = window.stride;
  const [top, left] = window.padding;
  const [batch, channels, height, width] = x;
  const [, outputs, heightOut, widthOut] = y;
  const channelsIn = channels / groups;
  const paddedHeight = Math.max(top + height, (heightOut - 1) * strideH + dilationH * (kernelH - 1) + 1);
  const paddedWidth = Math.max(left + width, (widthOut - 1) * strideW + dilationW * (kernelW - 1) + 1);
  const paddedPlane = paddedHeight * paddedWidth;
  const taps = new Int32Array(channelsIn * kernelH * kernelW);
  let tap = 0;
  for (let c = 0; c < channelsIn; c++)
    for (let u = 0; u < kernelH; u++)
      for (let v = 0; v < kernelW; v++) taps[tap++] = c * paddedPlane + u * dilationH * paddedWidth + v * dilationW;
  // Unpadded 1×1 windows read a plane from end to end: one long row has less overhead than many short ones.
  const oneRow = strideH === 1 && strideW === 1 && widthOut === paddedWidth;
  return {
    ...{ batch, groups, channelsIn, channelsOut: outputs / groups, height, width, top, left, paddedWidth, paddedPlane },
    ...{ heightOut: oneRow ? 1 : heightOut, widthOut: oneRow ? heightOut * widthOut : widthOut, strideH, strideW, taps },
  };
}

/** Copies channels, the first of which is `channel`, into planes whose border stays as it is. */
function pad(g: Geometry, x: NumberArray, channel: number, padded: Float64Array): void {
  const { height, width, channelsIn, paddedPlane, paddedWidth, top, left } = g;
  for (let c = 0; c < channelsIn; c++)
    for (let r = 0; r < height; r++) {
      const from = ((channel + c) * height + r) * width;
      padded.set(x.subarray(from, from + width), c * paddedPlane + (top + r) * paddedWidth + left);
    }
}

/** y += conv(x, weight); y arrives with whatever is to be added (bias, addend). */
export function convForward(g: Geometry, x: NumberArray, weight: NumberArray, y: Float64Array): void {
  const { channelsIn, channelsOut } = g;
  const w = Float64Array.from(weight);
  const padded = new Float64Array(channelsIn * g.paddedPlane);
  for (let part = 0; part < g.batch * g.groups; part++) {
    pad(g, x, part * channelsIn, padded);
    const firstFilter = (part % g.groups) * channelsOut;
    for (let o = 0; o < channelsOut; o++)
      forwardPlane(g, padded, w, (firstFilter + o) * g.taps.length, y, (part * channelsOut + o) * g.heightOut * g.widthOut);
  }
}

function forwardPlane(g: Geometry, x: Float64Array, w: Float64Array, filter: number, y: Float64Array, yBase: number): void {
  const { taps, heightOut, widthOut, strideW } = g;
  const rowStep = g.strideH * g.paddedWidth;
  for (let t = 0; t < taps.length; ) {
    const four = t + 4 <= taps.length;
    const w0 = w[filter + t];
    const at0 = taps[t];
    for (let r = 0; r < heightOut; r++) {
      let to = yBase + r * widthOut;
      let from = at0 + r * rowStep;
      const end = to + widthOut;
      if (four) {
        const w1 = w[filter + t + 1];
        const w2 = w[filter + t + 2];
        const w3 = w[filter + t + 3];
        const at1 = taps[t + 1] - at0;
        const at2 = taps[t + 2] - at0;
        const at3 = taps[t + 3] - at0;
        for (; to < end; to++, from += strideW) y[to] += w0 * x[from] + w1 * x[from + at1] + w2 * x[from + at2] + w3 * x[from + at3];
      } else for (; to < end; to++, from += strideW) y[to] += w0 * x[from];
    }
    t += four ? 4 : 1;
  }
}

/** dx of a convolution. */
export function convGradInput(g: Geometry, dy: NumberArray, weight: NumberArray, dx: NumberArray): void {
  const { channelsIn, channelsOut, height, width, paddedWidth } = g;
  const w = Float64Array.from(weight);
  const arriving = new Float64Array(channelsOut * g.heightOut * g.widthOut);
  const sum = new Float64Array(g.paddedPlane);
  for (let part = 0; part < g.batch * g.groups; part++) {
    arriving.set(dy.subarray(part * arriving.length, (part + 1) * arriving.length));
    const firstFilter = (part % g.groups) * channelsOut;
    for (let c = 0; c < channelsIn; c++) {
      sum.fill(0);
      gradInputPlane(g, arriving, w, firstFilter * g.taps.length, c, sum);
      for (let r = 0; r < height; r++) {
        const from = (g.top + r) * paddedWidth + g.left;
        dx.set(sum.subarray(from, from + width), ((part * channelsIn + c) * height + r) * width);
      }
    }
  }
}

function gradInputPlane(g: Geometry, dy: Float64Array, w: Float64Array, filters: number, c: number, dx: Float64Array): void {
  const { channelsIn, channelsOut, taps, heightOut, widthOut, strideW } = g;
  const planeOut = heightOut * widthOut;
  const rowStep = g.strideH * g.paddedWidth;
  const filter = taps.length;
  const perChannel = taps.length / channelsIn;
  for (let o = 0; o < channelsOut; ) {
    const four = o + 4 <= channelsOut;
    for (let k = 0; k < perChannel; k++) {
      const at = filters + o * filter + c * perChannel + k;
      const w0 = w[at];
      for (let r = 0; r < heightOut; r++) {
        let to = taps[k] + r * rowStep;
        let from = o * planeOut + r * widthOut;
        const end = from + widthOut;
        if (four) {
          const w1 = w[at + filter];
          const w2 = w[at + 2 * filter];
          const w3 = w[at + 3 * filter];
          for (; from < end; from++, to += strideW)
            dx[to] += w0 * dy[from] + w1 * dy[from + planeOut] + w2 * dy[from + 2 * planeOut] + w3 * dy[from + 3 * planeOut];
        } else for (; from < end; from++, to += strideW) dx[to] += w0 * dy[from];
      }
    }
    o += four ? 4 : 1;
  }
}

/** dWeight of a convolution. */
export function convGradWeight(g: Geometry, x: NumberArray, dy: NumberArray, dWeight: NumberArray): void {
  const { channelsIn, channelsOut } = g;
  const planeOut = g.heightOut * g.widthOut;
  const sums = new Float64Array(dWeight.length);
  const padded = new Float64Array(channelsIn * g.paddedPlane);
  const arriving = new Float64Array(planeOut);
  for (let part = 0; part < g.batch * g.groups; part++) {
    pad(g, x, part * channelsIn, padded);
    const firstFilter = (part % g.groups) * channelsOut;
    for (let o = 0; o < channelsOut; o++) {
      const from = (part * channelsOut + o) * planeOut;
      arriving.set(dy.subarray(from, from + planeOut));
      gradWeightFilter(g, padded, arriving, sums, (firstFilter + o) * g.taps.length);
    }
  }
  dWeight.set(sums);
}

function gradWeightFilter(g: Geometry, x: Float64Array, dy: Float64Array, sums: Float64Array, filter: number): void {
  const { taps, heightOut, widthOut, strideW } = g;
  const rowStep = g.strideH * g.paddedWidth;
  for (let t = 0; t < taps.length; ) {
    const four = t + 4 <= taps.length;
    const at0 = taps[t];
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let r = 0; r < heightOut; r++) {
      let from = at0 + r * rowStep;
      let q = r * widthOut;
      const end = q + widthOut;
      if (four) {
        const at1 = taps[t + 1] - at0;
        const at2 = taps[t + 2] - at0;
        const at3 = taps[t + 3] - at0;
        for (; q < end; q++, from += strideW) {
          const d = dy[q];
          s0 += d * x[from];
          s1 += d * x[from + at1];
          s2 += d * x[from + at2];
          s3 += d * x[from + at3];
        }
      } else for (; q < end; q++, from += strideW) s0 += dy[q] * x[from];
    }
    sums[filter + t] += s0;
    if (four) {
      sums[filter + t + 1] += s1;
      sums[filter + t + 2] += s2;
      sums[filter + t + 3] += s3;
    }
    t += four ? 4 : 1;
  }
}
