import koffi, { type LibraryHandle } from 'koffi';
import {
  ARG,
  type Binding,
  created,
  cTypeOf,
  cValueOf,
  DATA_TYPE,
  dimsOf,
  type Handle,
  type Ingredients,
  type Kind,
  type Maker,
  statusFunction,
  type VersionNumbers,
} from './binding.ts';

const QUERY_ARG = 255;
const QUERY_NDIMS = 256;
const QUERY_STRIDES = 14;
const QUERY_BLOCK_COUNT = 263;
const QUERY_BLOCKS = 264;
const QUERY_BLOCK_AXES = 265;
const ANY = 1;
const UNDEFINED_TYPE = 0;

const numbers: VersionNumbers = {
  eltwise: { relu: 0x20, sqrt: 0x25, linear: 0x26 },
  normFlags: { globalStats: 1, scale: 2, shift: 4, relu: 8 },
  planeTags: [78, 102, 5],
  pixelTags: [22],
  // The shift does not enter the gradients; 2.x wants it all the same.
  refused: { 'batchNorm.backward': [ARG.shift] },
};

/** oneDNN 3.x makes the primitive descriptor directly; backward functions take the forward one as a hint. */
const MAKERS: Record<Kind, Maker> = {
  'convolution.forward': {
    symbol: 'dnnl_convolution_forward_primitive_desc_create',
    args: ['prop', 'algorithm', 'src', 'weights', 'bias', 'dst', 'strides', 'dilation', 'padBegin', 'padEnd', 'attr'],
  },
  'convolution.backwardData': {
    symbol: 'dnnl_convolution_backward_data_primitive_desc_create',
    args: ['algorithm', 'src', 'weights', 'dst', 'strides', 'dilation', 'padBegin', 'padEnd', 'hint', 'attr'],
  },
  'convolution.backwardWeights': {
    symbol: 'dnnl_convolution_backward_weights_primitive_desc_create',
    args: ['algorithm', 'src', 'weights', 'bias', 'dst', 'strides', 'dilation', 'padBegin', 'padEnd', 'hint', 'attr'],
  },
  'innerProduct.forward': {
    symbol: 'dnnl_inner_product_forward_primitive_desc_create',
    args: ['prop', 'src', 'weights', 'bias', 'dst', 'attr'],
  },
  'innerProduct.backwardData': {
    symbol: 'dnnl_inner_product_backward_data_primitive_desc_create',
    args: ['src', 'weights', 'dst', 'hint', 'attr'],
  },
  'innerProduct.backwardWeights': {
    symbol: 'dnnl_inner_product_backward_weights_primitive_desc_create',
    args: ['src', 'weights', 'bias', 'dst', 'hint', 'attr'],
  },
  'pooling.forward': {
    symbol: 'dnnl_pooling_forward_primitive_desc_create',
    args: ['prop', 'algorithm', 'src', 'dst', 'strides', 'kernel', 'dilation', 'padBegin', 'padEnd', 'attr'],
  },
  'pooling.backward': {
    symbol: 'dnnl_pooling_backward_primitive_desc_create',
    args: ['algorithm', 'src', 'dst', 'strides', 'kernel', 'dilation', 'padBegin', 'padEnd', 'hint', 'attr'],
  },
  'batchNorm.forward': {
    symbol: 'dnnl_batch_normalization_forward_primitive_desc_create',
    args: ['prop', 'src', 'dst', 'epsilon', 'flags', 'attr'],
  },
  'batchNorm.backward': {
    symbol: 'dnnl_batch_normalization_backward_primitive_desc_create',
    args: ['prop', 'diffSrc', 'diffDst', 'src', 'epsilon', 'flags', 'hint', 'attr'],
  },
  'eltwise.forward': {
    symbol: 'dnnl_eltwise_forward_primitive_desc_create',
    args: ['prop', 'algorithm', 'src', 'dst', 'alpha', 'beta', 'attr'],
  },
  'eltwise.backward': {
    symbol: 'dnnl_eltwise_backward_primitive_desc_create',
    args: ['algorithm', 'diffSrc', 'diffDst', 'src', 'alpha', 'beta', 'hint', 'attr'],
  },
  'softmax.forward': { symbol: 'dnnl_softmax_forward_primitive_desc_create', args: ['prop', 'algorithm', 'src', 'dst', 'axis', 'attr'] },
  'softmax.backward': {
    symbol: 'dnnl_softmax_backward_primitive_desc_create',
    args: ['algorithm', 'diffSrc', 'diffDst', 'dst', 'axis', 'hint', 'attr'],
  },
  'binary.forward': { symbol: 'dnnl_binary_primitive_desc_create', args: ['algorithm', 'src', 'src1', 'dst', 'attr'] },
};

/** The binding to oneDNN 3.x, tried with 3.7. */
export function bindVersion3(lib: LibraryHandle, engine: Handle): Binding {
  const byTag = statusFunction(lib, 'dnnl_memory_desc_create_with_tag', ['void*', 'int', 'void*', 'int', 'int']);
  const byStrides = statusFunction(lib, 'dnnl_memory_desc_create_with_strides', ['void*', 'int', 'void*', 'int', 'void*']);
  const submemory = statusFunction(lib, 'dnnl_memory_desc_create_submemory', ['void*', 'void*', 'void*', 'void*']);
  const clone = statusFunction(lib, 'dnnl_memory_desc_clone', ['void*', 'void*']);
  const destroy = statusFunction(lib, 'dnnl_memory_desc_destroy', ['void*']);
  const queryDesc = statusFunction(lib, 'dnnl_memory_desc_query', ['void*', 'int', 'void*']);
  const concatDesc = statusFunction(lib, 'dnnl_concat_primitive_desc_create', ['void*', 'void*', 'void*', 'int', 'int', 'void*', 'void*']);
  const queryMd = lib.func('dnnl_primitive_desc_query_md', 'void*', ['void*', 'int', 'int']);
  const eltwise = statusFunction(lib, 'dnnl_post_ops_append_eltwise', ['void*', 'int', 'float', 'float']);
  const sum = statusFunction(lib, 'dnnl_post_ops_append_sum', ['void*', 'float', 'int', 'int']);
  const makers = new Map<Kind, (...values: unknown[]) => void>();
  const live = new Set<Handle>();
  const newDesc = (make: (...values: unknown[]) => void, ...args: unknown[]): Handle => {
    const desc = created(make, ...args);
    live.add(desc);
    return desc;
  };
  return {
    numbers,
    any: (dims, type = 'f32') => newDesc(byTag, dims.length, dimsOf(dims), DATA_TYPE[type], ANY),
    strided: (dims, strides, type = 'f32') => newDesc(byStrides, dims.length, dimsOf(dims), DATA_TYPE[type], dimsOf(strides)),
    tagged: (dims, tag) => newDesc(byTag, dims.length, dimsOf(dims), DATA_TYPE.f32, tag),
    part: (parent, dims, offsets) => newDesc(submemory, parent, dimsOf(dims), dimsOf(offsets)),
    // 3.7's jit:uni reorder leaves out numbers where a row-major array goes into a layout that pads two axes.
    blocking(desc, axes) {
      const count = new Int32Array(1);
      queryDesc(desc, QUERY_BLOCK_COUNT, count);
      const list = (what: number, length: number): number[] => {
        const pointer = new BigUint64Array(1);
        queryDesc(desc, what, pointer);
        return Array.from(koffi.decode(pointer[0], 'int64_t', length) as ArrayLike<number | bigint>, Number);
      };
      return { strides: list(QUERY_STRIDES, axes), blocks: list(QUERY_BLOCKS, count[0]), axes: list(QUERY_BLOCK_AXES, count[0]) };
    },
    release(desc) {
      if (live.delete(desc as Handle)) destroy(desc);
    },
    describe(kind, ingredients, attr, hint) {
      const { symbol, args } = MAKERS[kind];
      let make = makers.get(kind);
      if (!make) {
        make = statusFunction(lib, symbol, ['void*', 'void*', ...args.map(cTypeOf)]);
        makers.set(kind, make);
      }
      const extra = { attr, hint };
      const values = args.map((name) =>
        name in extra ? extra[name as 'attr' | 'hint'] : cValueOf(name as keyof Ingredients, ingredients),
      );
      return created(make, engine, ...values);
    },
    concat: (dst, axis, sources, attr) =>
      created(concatDesc, engine, dst, sources.length, axis, BigUint64Array.from(sources as Handle[]), attr),
    queryArg(primitiveDesc, arg) {
      const pointer = queryMd(primitiveDesc, QUERY_ARG, arg);
      if (!pointer) return undefined;
      const ndims = new Int32Array(1);
      queryDesc(pointer, QUERY_NDIMS, ndims);
      return ndims[0] > 0 ? newDesc(clone, pointer) : undefined;
    },
    appendEltwise: (postOps, algorithm, alpha, beta) => eltwise(postOps, algorithm, alpha, beta),
    appendSum: (postOps, scale) => sum(postOps, scale, 0, UNDEFINED_TYPE),
    close() {
      for (const desc of live) destroy(desc);
      live.clear();
    },
  };
}
