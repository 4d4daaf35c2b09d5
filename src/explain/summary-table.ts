import type { LayerSummary, Summary } from './summary.ts';

/** Columns of the spreadsheet form, in order: their names are its first line. */
const columns: Readonly<Record<string, (layer: LayerSummary) => string | number | boolean | undefined>> = {
  name: ({ name }) => name,
  kind: ({ kind }) => kind,
  output_shape: ({ outputShape }) => outputShape.join('x'),
  size_formula: ({ sizeFormulas }) => sizeFormulas.join('; '),
  parameters: ({ parameters }) => parameters,
  parameters_without_sharing: ({ unsharedParameters }) => unsharedParameters,
  buffers: ({ buffers }) => buffers,
  multiply_adds: ({ multiplyAdds }) => multiplyAdds,
  operations: ({ operations }) => operations,
  field_height_px: ({ receptiveField }) => receptiveField?.height.size,
  field_width_px: ({ receptiveField }) => receptiveField?.width.size,
  field_is_whole_picture: ({ receptiveField }) => receptiveField?.whole,
  jump_y_px: ({ receptiveField }) => receptiveField?.height.jump ?? undefined,
  jump_x_px: ({ receptiveField }) => receptiveField?.width.jump ?? undefined,
  centre_y_px: ({ receptiveField }) => receptiveField?.height.centre ?? undefined,
  centre_x_px: ({ receptiveField }) => receptiveField?.width.centre ?? undefined,
};

/** A summary for a spreadsheet: one row a layer; no totals, so that columns can be added up. Parameters that evaluation does not use come last. */
export function summaryColumns({ layers, unused }: Summary): { names: string[]; rows: (string | number | boolean | undefined)[][] } {
  const rows = layers.map((layer) => Object.values(columns).map((cell) => cell(layer)));
  const idle = unused.map(({ name, parameters }) =>
    Object.keys(columns).map((column) =>
      column === 'name' ? name : column === 'kind' ? 'unused' : column.startsWith('parameters') ? parameters : undefined,
    ),
  );
  return { names: Object.keys(columns), rows: [...rows, ...idle] };
}
