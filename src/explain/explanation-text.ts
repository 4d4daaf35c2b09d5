import { columns } from '../core/columns.ts';
import type { ChannelTerm, Derivation, Explanation, FeatureTerm, InputWindow, Position } from './explanation.ts';
import { coarse, fine, fixed, flow, grid, joinTerms, maxWidth, print } from './numbers.ts';

export interface ExplanationTextOptions {
  /** Class names by index, for softmax and the last layer. */
  readonly classes?: readonly string[];
}

/** As many channels are shown place by place, the largest sums first where there are more. */
const shownChannels = 4;
/** As many terms of a long sum are listed; the rest is one number. */
const shownTerms = 10;

const span = (noun: string, at: readonly number[]): string => (at.length > 1 ? `${noun}s ${at[0]} to ${at.at(-1)}` : `${noun} ${at[0]}`);

function windowLine({ rows, cols, padding }: InputWindow, { inputShape }: Explanation, note: string): string {
  const steps = rows.length > 1 && rows[1] - rows[0] > 1 ? `, every ${rows[1] - rows[0]} px` : '';
  const padded = padding.some((row) => row.includes(true)) ? `; (0) is padding${note}` : '';
  return `window: ${span('row', rows)}, ${span('column', cols)} of the input ${inputShape.join('×')}${steps}${padded}`;
}

const byMagnitude = <T>(items: readonly T[], value: (item: T) => number): T[] =>
  items.toSorted((a, b) => Math.abs(value(b)) - Math.abs(value(a)));
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** `1.5 (channel 0) − 0.2 (channel 1) + 0.1 (bias) = 1.4`. */
const sumLine = (terms: readonly (readonly [value: number, name: string])[], result: number): string =>
  `${joinTerms(terms.map(([value, name]) => `${print(value)} (${name})`))} = ${print(result)}`;

const biasTerms = (bias: number | null) => (bias === null ? [] : [[bias, 'bias'] as const]);

function channelLines({ channel, inputs, weights, products, sum }: ChannelTerm, padding: InputWindow['padding']): string[] {
  return [
    '',
    `channel ${channel}`,
    ...flow([grid('window', inputs, coarse, padding), grid('weights', weights, coarse), grid('window · weight', products, fine)]),
    `sum of the products: ${print(sum)}`,
  ];
}

/** A long sum: its largest terms line by line, then the rest, the bias and the result. */
function listed(terms: readonly (readonly [value: number, name: string])[], bias: number | null, result: number): string[] {
  const largest = byMagnitude(terms, ([value]) => value).slice(0, shownTerms);
  const rest = total(terms.map(([value]) => value)) - total(largest.map(([value]) => value));
  const left = terms.length - largest.length;
  const rows: (readonly [number, string])[] = [...largest];
  if (left) rows.push([rest, `the other ${left}`]);
  rows.push(...biasTerms(bias), [result, 'sum']);
  const width = Math.max(...rows.map(([value]) => fixed(value, fine).length));
  const lines = rows.map(([value, name]) => `${fixed(value, fine).padStart(width)}  ${name}`);
  return [...lines.slice(0, -1), '─'.repeat(width), ...lines.slice(-1)];
}

function convolutionLines(derivation: Derivation & { form: 'convolution' }, explanation: Explanation): string[] {
  const { window, channels, bias } = derivation;
  const place = windowLine(window, explanation, '');
  if (window.rows.length * window.cols.length === 1) {
    const products = channels.map((c) => [c.sum, `= ${print(c.inputs[0][0])} · ${print(c.weights[0][0])}  channel ${c.channel}`] as const);
    return [`${place}; one number a channel, times its weight:`, '', ...listed(products, bias, explanation.computed)];
  }
  const few = channels.length <= shownChannels;
  const shown = few ? channels : byMagnitude(channels, (c) => c.sum).slice(0, shownChannels);
  const terms = channels.map((c) => [c.sum, `channel ${c.channel}`] as const);
  return [
    place,
    ...(few ? [] : [`${channels.length} input channels; the ${shownChannels} with the largest sums:`]),
    ...shown.flatMap((channel) => channelLines(channel, window.padding)),
    '',
    ...(few ? [sumLine([...terms, ...biasTerms(bias)], explanation.computed)] : listed(terms, bias, explanation.computed)),
  ];
}

const featureName = ({ feature, from, input, weight }: FeatureTerm): string => {
  const place = from ? `feature ${feature} (channel ${from.channel}, row ${from.row}, column ${from.col})` : `feature ${feature}`;
  return `= ${print(input)} · ${print(weight)}  ${place}`;
};

function linearLines({ terms, bias }: Derivation & { form: 'linear' }, { computed }: Explanation): string[] {
  const rows = terms.map((term) => [term.product, featureName(term)] as const);
  return [`${terms.length} features; feature · weight, the largest products first:`, ...listed(rows, bias, computed)];
}

function poolLines(derivation: Derivation & { form: 'max' | 'mean' }, explanation: Explanation): string[] {
  const { window, inputs } = derivation;
  const lines = grid(`channel ${explanation.position.channel}`, inputs, fine, window.padding);
  const fits = lines.every((line) => line.length <= maxWidth);
  const table = fits ? lines : [`${lines[0]}: ${inputs.length}×${inputs[0].length} numbers, too many to show`];
  const { computed } = explanation;
  if (derivation.form === 'max') {
    const { row, col } = derivation.winner;
    return [
      windowLine(window, explanation, ', never the largest'),
      '',
      ...table,
      '',
      `largest: ${print(computed)}, from row ${row}, column ${col}`,
    ];
  }
  const { sum, count } = derivation;
  return [windowLine(window, explanation, ', which counts'), '', ...table, '', `mean: ${print(sum)} / ${count} = ${print(computed)}`];
}

function softmaxLines(derivation: Derivation & { form: 'softmax' }, { position }: Explanation, classes: readonly string[]): string[] {
  const { scores, shift, exponentials, sum, probabilities, loss } = derivation;
  const nameOf = (c: number) => classes[c] ?? `class ${c}`;
  const order = scores.map((_, c) => c).toSorted((a, b) => scores[b] - scores[a]);
  const must = new Set([position.channel, ...(loss ? [loss.label] : [])]);
  const shown = scores.length <= shownTerms ? scores.map((_, c) => c) : order.filter((c, i) => i < shownTerms || must.has(c));
  const left = order.filter((c) => !shown.includes(c));
  const sums = (values: readonly number[]) => total(left.map((c) => values[c]));
  const rows = [
    ['', 'score', shift ? `exp(score − ${print(shift, coarse)})` : 'exp(score)', 'probability'],
    ...shown.map((c) => [nameOf(c), fixed(scores[c], coarse), fixed(exponentials[c], fine), fixed(probabilities[c], fine)]),
    ...(left.length ? [[`the other ${left.length}`, '', fixed(sums(exponentials), fine), fixed(sums(probabilities), fine)]] : []),
    ['sum', '', fixed(sum, fine), fixed(total(probabilities), fine)],
  ];
  const own = position.channel;
  const ratio = `${nameOf(own)}: ${fixed(exponentials[own], fine)} / ${fixed(sum, fine)} = ${fixed(probabilities[own], fine)}`;
  const cost =
    loss &&
    `loss if the truth is ${nameOf(loss.label)}: −ln ${loss.prob < 1e-4 ? loss.prob.toExponential(3) : fixed(loss.prob, fine)} = ${fixed(loss.computed, fine)} (natural logarithm)`;
  return [...columns(rows), '', ratio, ...(cost ? [cost] : [])];
}

type Writers = { [F in Derivation['form']]: (d: Derivation & { form: F }, e: Explanation, classes: readonly string[]) => string[] };

const writers: Writers = {
  convolution: convolutionLines,
  linear: linearLines,
  max: poolLines,
  mean: poolLines,
  softmax: softmaxLines,
  relu: ({ input }, { computed }) => [`max(${print(input)}, 0) = ${print(computed)}`],
  normalisation: ({ input, mean, variance, eps, weight, bias }, { computed }) => {
    const deviation = Math.sqrt(variance + eps);
    const normal = (input - mean) / deviation;
    return [
      `input ${print(input)}, mean ${print(mean)}, variance ${print(variance)}, eps ${eps}, weight ${print(weight)}, bias ${print(bias)}`,
      `deviation:  √(${print(variance)} + ${eps}) = ${print(deviation)}`,
      `normalised: (${joinTerms([print(input), print(-mean)])}) / ${print(deviation)} = ${print(normal)}`,
      `result:     ${joinTerms([`${print(weight)} · ${print(normal)}`, print(bias)])} = ${print(computed)}`,
    ];
  },
  addition: ({ terms }, { computed }) => [
    sumLine(
      terms.map(({ layer, value }) => [value, layer]),
      computed,
    ),
  ],
};

/** An engine keeps seven digits: of a large number that is more than the rounding that is printed. */
const differenceLine = ({ value, difference }: Explanation): string => {
  const share = difference > 1e-4 ? `, ${(difference / Math.abs(value)).toExponential(1)} of the value: single precision has 7 digits` : '';
  return `engine: ${print(value)}, difference ${difference.toExponential(1)}${share}`;
};

const placeOf = ({ channel, row, col }: Position, isMap: boolean, name?: string): string =>
  isMap ? `channel ${channel}, row ${row}, column ${col}` : `number ${channel}${name ? ` (${name})` : ''}`;

/**
 * An explanation as text for a learner: the window, the weights and the products as small tables, then the sums, as one would write them on paper.
 *
 * Products and sums have six decimals at most, inputs and weights four; whole numbers stay whole.
 *
 * @example console.log(formatExplanation(await explainValue({ module, state, input, layer: 'conv1.0', engine })));
 */
export function formatExplanation(explanation: Explanation, { classes = [] }: ExplanationTextOptions = {}): string {
  const { layer, kind, position, outputShape, value, derivation } = explanation;
  const isMap = outputShape.length > 1;
  const name = outputShape[0] === classes.length ? classes[position.channel] : undefined;
  const write = writers[derivation.form] as (d: Derivation, e: Explanation, classes: readonly string[]) => string[];
  return [
    `${layer === kind ? layer : `${layer} (${kind})`}, ${placeOf(position, isMap, name)} of ${outputShape.join('×')}: ${print(value)}`,
    '',
    ...write(derivation, explanation, classes),
    '',
    differenceLine(explanation),
  ].join('\n');
}
