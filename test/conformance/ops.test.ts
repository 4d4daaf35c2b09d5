import { describe, expect, it } from 'vitest';
import { allocate, type NumberArray, Rng, type StateDict, sizeOf } from '../../src/core/index.ts';
import { evaluate } from '../../src/engine/reference/evaluate.ts';
import { stepsOf, storageOf } from '../../src/engine/reference/interpreter.ts';
import { type AnyOp, isNone, verify } from '../../src/graph/index.ts';
import { catalogue } from '../../src/ops/index.ts';
import { type Case, caseOf, examplesOf } from './cases.ts';

const step = 1e-5;
const tolerance = 1e-6;
const samplesPerInput = 40;
/** Keeps exponentials where the probabilities will stand; its sums are in f64 all the same. */
const roundsTwice = ['crossEntropy'];

describe.each([...catalogue.values()].map((record) => [record.name, record] as const))('%s', (name, record) => {
  it('is listed under its name and gives a reason for every rule it lacks', () => {
    expect(catalogue.get(name)).toBe(record);
    for (const rule of [record.grad, record.lower.onednn, record.examples]) if (isNone(rule)) expect(rule.none).toMatch(/\w/);
    if (!isNone(record.examples)) expect(record.examples.length).toBeGreaterThan(0);
  });

  examplesOf(record).forEach((_, index) => {
    const { title } = caseOf(record, index);
    it(`infers what eval computes: ${title}`, () => expectInside(record, caseOf(record, index)));
    if (!roundsTwice.includes(name))
      it(`rounds to single precision once: ${title}`, () => expectOneRounding(caseOf(record, index, { gradients: true })));
    if (isNone(record.grad)) return;
    it(`has the gradient that differences show: ${title}`, () =>
      expectGradients(caseOf(record, index, { gradients: true, dtype: 'f64' }), new Rng(name, index)));
  });
});

/** Runs eval on arrays of the inferred sizes that refuse any index beyond them. */
function expectInside(record: AnyOp, { graph, feeds, state }: Case): void {
  verify(graph, catalogue);
  const node = graph.nodes[0];
  const types = (ids: readonly (number | null)[]) => ids.map((id) => (id === null ? undefined : graph.values[id]));
  const inputTypes = types(node.inputs);
  const outputTypes = node.outputs.map((id) => graph.values[id]);
  const inputs = inputTypes.map((v) => v && guarded((feeds[v.name] ?? state.get(v.name)!.data) as NumberArray, v.name));
  const outputs = outputTypes.map((v, i) =>
    i in record.inPlace
      ? inputs[record.inPlace[i]]!
      : guarded(allocate(v.dtype, sizeOf(v.shape)) as NumberArray, record.outputs[Math.min(i, record.outputs.length - 1)]),
  );
  record.eval({ inputs, outputs, inputTypes, outputTypes, attrs: node.attrs });
  for (const output of outputs) expect([...output].every(Number.isFinite)).toBe(true);
  const call = { inputs: inputTypes, outputs: outputTypes, used: outputs.map(() => true), attrs: node.attrs };
  expect(record.cost(call)).toBeGreaterThanOrEqual(0);
  if (!isNone(record.lower.onednn)) expect(record.lower.onednn(call).length).toBeGreaterThan(0);
}

/**
 * Runs each node of a case in single and in double precision on the same numbers: rounding the latter gives the former, to the bit, where
 * everything between what is read and what is written is computed in f64.
 */
function expectOneRounding({ graph, feeds, state }: Case): void {
  const arrays = graph.values.map(({ role, name }) =>
    role === 'result' ? undefined : ((feeds[name] ?? state.get(name)!.data) as NumberArray),
  );
  const storage = storageOf(graph);
  for (const [n, step] of stepsOf(graph).entries()) {
    const { inputs, outputs } = graph.nodes[n];
    const own = (format: 'f32' | 'f64') => {
      const copies = arrays.slice();
      for (const id of [...inputs, ...outputs]) {
        if (id === null) continue;
        const { dtype, shape } = graph.values[id];
        const from = arrays[storage[id]];
        const copy = allocate(dtype === 'f32' ? format : dtype, sizeOf(shape)) as NumberArray;
        if (from) copy.set(from);
        copies[storage[id]] = copy;
      }
      step.run(copies);
      return copies;
    };
    const [single, double] = [own('f32'), own('f64')];
    for (const id of outputs) {
      const rounded = Float32Array.from(double[storage[id]]!);
      expect(Float32Array.from(single[storage[id]]!), `${step.op}: ${graph.values[id].name}`).toEqual(rounded);
      arrays[storage[id]] = single[storage[id]];
    }
  }
}

/** A typed array that throws where a plain one would read `undefined` or drop a write. */
function guarded(array: NumberArray, name: string): NumberArray {
  const check = (key: string | symbol) => {
    if (typeof key === 'string' && String(Number(key)) === key && !(Number(key) in array))
      throw new RangeError(`${name}[${key}] of ${array.length}`);
  };
  return new Proxy(array, {
    get(target, key) {
      check(key);
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set(target, key, value) {
      check(key);
      return Reflect.set(target, key, value, target);
    },
  });
}

/** Compares gradients with central differences of Σ dy·y, at a sample of elements of each input. */
function expectGradients({ graph, feeds, state, differentiable }: Case, rng: Rng): void {
  verify(graph, catalogue);
  const analytic = evaluate(graph, feeds, state, 'f64');
  const primary = graph.nodes[0].outputs[0];
  const forward = { ...graph, nodes: graph.nodes.slice(0, 1), outputs: { y: primary } };
  const objective = (at: Case['feeds'], stored: StateDict) =>
    (evaluate(forward, at, stored, 'f64').y as Float64Array).reduce((sum, y, i) => sum + y * feeds.dy[i], 0);
  for (const name of differentiable) {
    const gradient = analytic[`d:${name}`];
    expect(gradient, `gradient of ${name}`).toBeDefined();
    const original = (feeds[name] ?? state.get(name)!.data) as NumberArray;
    const scale = Math.max(...gradient.map(Math.abs), 1e-3);
    const sample = rng.permutation(original.length).subarray(0, samplesPerInput);
    for (const i of sample) {
      const moved = (by: number) => {
        const data = original.slice();
        data[i] += by;
        return name in feeds
          ? objective({ ...feeds, [name]: data }, state)
          : objective(feeds, new Map(state).set(name, { ...state.get(name)!, data } as never));
      };
      const numeric = (moved(step) - moved(-step)) / (2 * step);
      expect(Math.abs(gradient[i] - numeric) / scale, `d ${name}[${i}]: rule ${gradient[i]}, differences ${numeric}`).toBeLessThan(
        tolerance,
      );
    }
  }
}
