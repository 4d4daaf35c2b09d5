import { formatShape } from '../core/shape.ts';
import { show } from '../core/show.ts';
import type { Graph, ValueId } from './graph.ts';

/** The graph as text, one node a line: `%5 [64,16,28,28] = conv2d(x, conv1.weight, conv1.bias) stride=[1,1] … @ conv1`. */
export function printGraph(graph: Graph): string {
  const label = (id: ValueId | null) => (id === null ? '–' : graph.values[id].name || `%${id}`);
  const lines = graph.nodes.map((node) => {
    const outputs = node.outputs.map((id) => `${label(id)} ${formatShape(graph.values[id].shape)}`).join(', ');
    const attrs = Object.entries(node.attrs).map(([name, value]) => ` ${name}=${show(value)}`);
    return `${outputs} = ${node.op}(${node.inputs.map(label).join(', ')})${attrs.join('')}${node.path ? ` @ ${node.path}` : ''}`;
  });
  const outputs = Object.entries(graph.outputs).map(([name, id]) => `return ${name} = ${label(id)}`);
  return [...lines, ...outputs].join('\n');
}
