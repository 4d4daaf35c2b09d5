import { EngineError } from '../../core/errors.ts';
import { type Graph, isPersistent, type ValueId } from '../../graph/graph.ts';
import type { Step } from '../../graph/lowering.ts';
import { type Catalogue, isNone, recordOf } from '../../graph/op.ts';
import type { Context } from './context.ts';
import { type At, Draft } from './draft.ts';
import type { Instruction, Version } from './instruction.ts';
import { planAccumulate } from './plan-accumulate.ts';
import { planKernel } from './plan-kernel.ts';
import { planConcat, planSlice, planView } from './plan-moves.ts';
import { planPrimitive } from './plan-primitive.ts';
import type { OneDnnStore, StoreEntry } from './store.ts';

/** The instructions of a program before memory is planned. */
export interface Plan {
  /** Run when the store changed: what depends on parameters only, such as folded or reordered weights. */
  readonly prologue: readonly Instruction[];
  readonly main: readonly Instruction[];
  readonly inputs: ReadonlyMap<string, Version>;
  readonly outputs: ReadonlyMap<string, Version>;
  /** Entries the program reads; each must be loaded before a run. */
  readonly entries: readonly StoreEntry[];
  /** Entries that a run changes. */
  readonly updated: readonly StoreEntry[];
}

/** Turns a graph into instructions: lowers every node, lets primitives choose layouts, inserts the reorders that remain. */
export function planGraph(context: Context, store: OneDnnStore, graph: Graph, catalogue: Catalogue): Plan {
  const updated = overwrittenValues(graph, catalogue);
  const draft = new Draft(context, store, { graph, trains: updated.size > 0 });
  const inputs = new Map<string, Version>();
  const entries: StoreEntry[] = [];
  for (const value of graph.values) {
    if (value.role === 'input') {
      const version = draft.layouts.plainVersion(value, false);
      inputs.set(value.name, version);
      draft.declare(value.id, { type: value, fixed: false, versions: [version] });
    } else if (isPersistent(value)) {
      const entry = store.entry(value.name, value.shape);
      entries.push(entry);
      const versions = entry.version ? [entry.version] : [];
      draft.declare(value.id, { type: value, fixed: !updated.has(value.id), entry, versions });
    }
  }
  planNodes(draft, catalogue);
  const outputs = new Map(Object.entries(graph.outputs).map(([name, id]) => [name, draft.layouts.plain(draft.valueSlot(id))]));
  const { prologue, main } = draft;
  return { prologue, main, inputs, outputs, entries, updated: [...updated].flatMap((id) => draft.valueSlot(id).entry ?? []) };
}

/** Values that an op changes in place. */
function overwrittenValues({ nodes }: Graph, catalogue: Catalogue): Set<ValueId> {
  const overwritten = nodes.flatMap(({ op, inputs }) => Object.values(recordOf(catalogue, op).inPlace).map((input) => inputs[input]));
  return new Set(overwritten.filter((id) => id !== null && id !== undefined));
}

function planNodes(draft: Draft, catalogue: Catalogue): void {
  const { values, nodes, outputs: asked } = draft.graph;
  const read = new Set([...nodes.flatMap((node) => node.inputs), ...Object.values(asked)]);
  nodes.forEach((node, index) => {
    const record = recordOf(catalogue, node.op);
    const lower = record.lower.onednn;
    if (isNone(lower)) throw new EngineError({ where: node.op, expected: 'an op that oneDNN can run', got: lower.none });
    const inputs = node.inputs.map((id) => (id === null ? undefined : values[id]));
    const outputs = node.outputs.map((id) => values[id]);
    const call = { inputs, outputs, used: node.outputs.map((id) => read.has(id)), attrs: node.attrs };
    const changesStore = Object.keys(record.inPlace).length > 0;
    const fixed = !changesStore && node.inputs.every((id) => id === null || draft.valueSlot(id).fixed);
    for (const id of node.outputs) draft.declare(id, { type: values[id], fixed, versions: [] });
    draft.layouts.path = node.path;
    for (const step of lower(call)) planStep(draft, step, { node, index, record, fixed, flops: record.cost(call) });
  });
  draft.layouts.path = '';
}

function planStep(draft: Draft, step: Step, at: At): void {
  if (step.kind === 'kernel') planKernel(draft, step, at);
  else if (step.kind === 'view') planView(draft, step, at);
  else if (step.kind === 'concat') planConcat(draft, step, at);
  else if (step.kind === 'slice') planSlice(draft, step, at);
  else if (step.kind === 'accumulate') planAccumulate(draft, step, at);
  else planPrimitive(draft, step, at);
}
