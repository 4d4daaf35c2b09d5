/** The middle value; of an even number of values the mean of the middle two. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

export const percent = (fraction, digits = 1) => `${(100 * fraction).toFixed(digits)} %`;
export const ms = (value) => `${value.toFixed(2)} ms`;
export const seconds = (value) => `${value.toFixed(1)} s`;
export const times = (value) => `${value.toFixed(2)}×`;
