import { type Desc, statusFunction } from './binding.ts';
import type { Library } from './library.ts';

export type CommonCalls = ReturnType<typeof commonCalls>;

/** The C functions that both major versions have with the same arguments. */
export function commonCalls({ lib }: Library) {
  const status = (symbol: string, ...args: string[]) => statusFunction(lib, symbol, args);
  const p = 'void*';
  return {
    isa: lib.func('dnnl_get_effective_cpu_isa', 'int', []) as () => number,
    engineCreate: status('dnnl_engine_create', p, 'int', 'size_t'),
    engineDestroy: status('dnnl_engine_destroy', p),
    streamCreate: status('dnnl_stream_create', p, p, 'uint'),
    streamDestroy: status('dnnl_stream_destroy', p),
    wait: status('dnnl_stream_wait', p),
    descEqual: lib.func('dnnl_memory_desc_equal', 'int', [p, p]) as (a: Desc, b: Desc) => number,
    descSize: lib.func('dnnl_memory_desc_get_size', 'size_t', [p]) as (desc: Desc) => number | bigint,
    attrCreate: status('dnnl_primitive_attr_create', p),
    attrDestroy: status('dnnl_primitive_attr_destroy', p),
    attrScratchpad: status('dnnl_primitive_attr_set_scratchpad_mode', p, 'int'),
    attrPostOps: status('dnnl_primitive_attr_set_post_ops', p, p),
    postOpsCreate: status('dnnl_post_ops_create', p),
    postOpsDestroy: status('dnnl_post_ops_destroy', p),
    reorderDesc: status('dnnl_reorder_primitive_desc_create', p, p, p, p, p, p),
    query: status('dnnl_primitive_desc_query', p, 'int', 'int', p),
    descDestroy: status('dnnl_primitive_desc_destroy', p),
    primitiveCreate: status('dnnl_primitive_create', p, p),
    primitiveDestroy: status('dnnl_primitive_destroy', p),
    memoryCreate: status('dnnl_memory_create', p, p, p, p),
    memoryDestroy: status('dnnl_memory_destroy', p),
    execute: status('dnnl_primitive_execute', p, p, 'int', p),
  };
}
