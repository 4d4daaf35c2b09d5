import type { LibraryHandle } from 'koffi';
import koffi from 'koffi';
import {
  type Binding,
  created,
  cTypeOf,
  cValueOf,
  DATA_TYPE,
  type Desc,
  dimsOf,
  type Handle,
  type Ingredients,
  type Kind,
  type Maker,
  statusFunction,
  type VersionNumbers,
} from './binding.ts';

/** Sizes of 2.x' caller-allocated structs, rounded up: `dnnl_memory_desc_t` is 696 bytes, the largest operation descriptor 5976. */
const MEMORY_DESC_BYTES = 696;
const OPERATION_DESC_BYTES = 8192;
const QUERY_ARG = 255;
const ANY = 1;

const numbers: VersionNumbers = {
  eltwise: { relu: 0x1f, sqrt: 0x6f, linear: 0x7f },
  normFlags: { globalStats: 1, relu: 4, scale: 8, shift: 16 },
  planeTags: [69, 93, 5],
  pixelTags: [20],
  refused: {},
};

/** oneDNN 2.x initialises an operation descriptor; `dnnl_primitive_desc_create` then takes it with attributes and hint. */
const MAKERS: Record<Kind, Maker> = {
  'convolution.forward': {
    symbol: 'dnnl_dilated_convolution_forward_desc_init',
    args: ['prop', 'algorithm', 'src', 'weights', 'bias', 'dst', 'strides', 'dilation', 'padBegin', 'padEnd'],
  },
  'convolution.backwardData': {
    symbol: 'dnnl_dilated_convolution_backward_data_desc_init',
    args: ['algorithm', 'src', 'weights', 'dst', 'strides', 'dilation', 'padBegin', 'padEnd'],
  },
  'convolution.backwardWeights': {
    symbol: 'dnnl_dilated_convolution_backward_weights_desc_init',
    args: ['algorithm', 'src', 'weights', 'bias', 'dst', 'strides', 'dilation', 'padBegin', 'padEnd'],
  },
  'innerProduct.forward': { symbol: 'dnnl_inner_product_forward_desc_init', args: ['prop', 'src', 'weights', 'bias', 'dst'] },
  'innerProduct.backwardData': { symbol: 'dnnl_inner_product_backward_data_desc_init', args: ['src', 'weights', 'dst'] },
  'innerProduct.backwardWeights': {
    symbol: 'dnnl_inner_product_backward_weights_desc_init',
    args: ['src', 'weights', 'bias', 'dst'],
  },
  'pooling.forward': {
    symbol: 'dnnl_pooling_forward_desc_init',
    args: ['prop', 'algorithm', 'src', 'dst', 'strides', 'kernel', 'padBegin', 'padEnd'],
  },
  'pooling.backward': {
    symbol: 'dnnl_pooling_backward_desc_init',
    args: ['algorithm', 'src', 'dst', 'strides', 'kernel', 'padBegin', 'padEnd'],
  },
  'batchNorm.forward': { symbol: 'dnnl_batch_normalization_forward_desc_init', args: ['prop', 'src', 'epsilon', 'flags'] },
  'batchNorm.backward': { symbol: 'dnnl_batch_normalization_backward_desc_init', args: ['prop', 'diffDst', 'src', 'epsilon', 'flags'] },
  'eltwise.forward': { symbol: 'dnnl_eltwise_forward_desc_init', args: ['prop', 'algorithm', 'src', 'alpha', 'beta'] },
  'eltwise.backward': { symbol: 'dnnl_eltwise_backward_desc_init', args: ['algorithm', 'diffDst', 'src', 'alpha', 'beta'] },
  'softmax.forward': { symbol: 'dnnl_softmax_v2_forward_desc_init', args: ['prop', 'algorithm', 'src', 'dst', 'axis'] },
  'softmax.backward': { symbol: 'dnnl_softmax_v2_backward_desc_init', args: ['algorithm', 'diffSrc', 'diffDst', 'dst', 'axis'] },
  'binary.forward': { symbol: 'dnnl_binary_desc_init', args: ['algorithm', 'src', 'src1', 'dst'] },
};

/** The binding to oneDNN 2.x, tried with 2.6. */
export function bindVersion2(lib: LibraryHandle, engine: Handle): Binding {
  const byTag = statusFunction(lib, 'dnnl_memory_desc_init_by_tag', ['void*', 'int', 'void*', 'int', 'int']);
  const byStrides = statusFunction(lib, 'dnnl_memory_desc_init_by_strides', ['void*', 'int', 'void*', 'int', 'void*']);
  const submemory = statusFunction(lib, 'dnnl_memory_desc_init_submemory', ['void*', 'void*', 'void*', 'void*']);
  const createDesc = statusFunction(lib, 'dnnl_primitive_desc_create', ['void*', 'void*', 'void*', 'void*', 'void*']);
  const concatDesc = statusFunction(lib, 'dnnl_concat_primitive_desc_create', ['void*', 'void*', 'int', 'int', 'void*', 'void*', 'void*']);
  const queryMd = lib.func('dnnl_primitive_desc_query_md', 'void*', ['void*', 'int', 'int']);
  const eltwise = statusFunction(lib, 'dnnl_post_ops_append_eltwise', ['void*', 'float', 'int', 'float', 'float']);
  const sum = statusFunction(lib, 'dnnl_post_ops_append_sum', ['void*', 'float']);
  const makers = new Map<Kind, (...values: unknown[]) => void>();
  const newDesc = () => new Uint8Array(new ArrayBuffer(MEMORY_DESC_BYTES));
  return {
    numbers,
    any(dims, type = 'f32') {
      const desc = newDesc();
      byTag(desc, dims.length, dimsOf(dims), DATA_TYPE[type], ANY);
      return desc;
    },
    strided(dims, strides, type = 'f32') {
      const desc = newDesc();
      byStrides(desc, dims.length, dimsOf(dims), DATA_TYPE[type], dimsOf(strides));
      return desc;
    },
    tagged(dims, tag) {
      const desc = newDesc();
      byTag(desc, dims.length, dimsOf(dims), DATA_TYPE.f32, tag);
      return desc;
    },
    part(parent, dims, offsets) {
      const desc = newDesc();
      submemory(desc, parent, dimsOf(dims), dimsOf(offsets));
      return desc;
    },
    release() {},
    describe(kind, ingredients, attr, hint) {
      const { symbol, args } = MAKERS[kind];
      let init = makers.get(kind);
      if (!init) {
        init = statusFunction(lib, symbol, ['void*', ...args.map(cTypeOf)]);
        makers.set(kind, init);
      }
      const operation = new Uint8Array(new ArrayBuffer(OPERATION_DESC_BYTES));
      init(operation, ...args.map((name) => cValueOf(name as keyof Ingredients, ingredients)));
      return created(createDesc, operation, attr, engine, hint);
    },
    concat(dst, axis, sources, attr) {
      const structs = new Uint8Array(new ArrayBuffer(MEMORY_DESC_BYTES * sources.length));
      sources.forEach((source, i) => {
        structs.set(source as Uint8Array, i * MEMORY_DESC_BYTES);
      });
      return created(concatDesc, dst, sources.length, axis, structs, attr, engine);
    },
    queryArg(primitiveDesc, arg) {
      const pointer = queryMd(primitiveDesc, QUERY_ARG, arg);
      if (!pointer) return undefined;
      // The struct dies with its primitive descriptor, so it is copied.
      const desc: Desc = newDesc();
      desc.set(new Uint8Array(koffi.view(pointer, MEMORY_DESC_BYTES)));
      const used = new DataView(desc.buffer).getInt32(0, true) > 0;
      return used ? desc : undefined;
    },
    appendEltwise: (postOps, algorithm, alpha, beta) => eltwise(postOps, 1, algorithm, alpha, beta),
    appendSum: (postOps, scale) => sum(postOps, scale),
    close() {},
  };
}
