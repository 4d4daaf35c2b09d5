import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CheckpointError, messageOf } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { parseTransforms, type TransformList } from '../data/transforms/index.ts';
import { writeAtomic } from '../data/write-atomic.ts';
import { bytesOf } from '../formats/bytes.ts';
import { isPth } from '../formats/pth/pth.ts';
import { isSafetensors, readSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import { OPTIMIZER_PREFIX } from '../optim/attach.ts';
import { modelOptionsSchema } from './model-facts.ts';
import { progressSchema } from './progress.ts';
import { recipeSchema } from './recipe.ts';

const metadataSchema = z.object({
  version: z.literal(1),
  /** Name of the network in the registry, or of the class that a program trained. */
  model: z.string(),
  options: modelOptionsSchema.optional(),
  classes: z.array(z.string()).min(1),
  /** Names to show, by class index. */
  names: z.array(z.string()).optional(),
  /** Shape of one picture, `[C, H, W]`. */
  sampleShape: z.array(z.int().min(1)),
  /** How a picture in a file becomes a sample. */
  preprocessing: z.custom<TransformList>((list) => parseTransforms(list, 'preprocessing') && true).optional(),
  /** How many training images an epoch has: positions in an epoch refer to it. */
  trainImages: z.int().min(1),
  testImages: z.int().min(1),
  engine: z.object({ name: z.enum(['onednn', 'reference']), version: z.string(), isa: z.string(), threads: z.int() }),
  recipe: recipeSchema,
  progress: progressSchema,
});
export type CheckpointMetadata = z.infer<typeof metadataSchema>;

/** A moment of a training run, as a file keeps it. */
export interface Checkpoint {
  metadata: CheckpointMetadata;
  /** Parameters and buffers under their state-dict keys. */
  model: StateDict;
  /** Moments and momentum buffers; empty in a file that is only meant to be used. */
  optimizer: StateDict;
}

/** What to do with weights that no run made. */
const bareWeights =
  'Weights alone do not say what they see: train with --weights <file> and name the run, or give explain or search the model’s name beside --weights <file>';
const damaged = 'The file was altered or damaged: use another copy, or the other file in the weights folder';

/** sha256 over the metadata's text and, in order of the names, every tensor's name, dtype, shape and bytes. */
function checksum(text: string, tensors: StateDict): string {
  const hash = createHash('sha256').update(text);
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, data } = tensors.get(name)!;
    hash.update(JSON.stringify([name, dtype, shape])).update(bytesOf(data));
  }
  return hash.digest('hex');
}

/**
 * Writes a checkpoint as one safetensors file, so that at any moment either the old or the new one is there whole.
 *
 * The tensors keep their state-dict keys, so other programs can read the weights; the metadata stands under `fovea`.
 *
 * **Throws** `CheckpointError` if the disk refuses: the older file is untouched.
 */
export async function saveCheckpoint(file: string, { metadata, model, optimizer }: Checkpoint): Promise<void> {
  const tensors: StateDict = new Map([...model, ...optimizer]);
  const text = JSON.stringify(metadata);
  await writeAtomic(file, writeSafetensors(tensors, { fovea: text, sha256: checksum(text, tensors) }));
}

/**
 * Reads a checkpoint.
 *
 * **Throws** `CheckpointError` (or `FormatError`) naming the file if it is missing, cut short, altered or of another program.
 *
 * @example const { model, metadata } = await loadCheckpoint('runs/mnist/weights/best.safetensors');
 */
export async function loadCheckpoint(file: string): Promise<Checkpoint> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new CheckpointError({ where: file, expected: 'a checkpoint', got: messageOf(error) }, { cause: error });
  });
  // What is shorter is a file cut short.
  if (bytes.length > 8 && !isSafetensors(bytes)) {
    const kind = isPth(bytes) ? { got: 'weights as PyTorch keeps them', hint: bareWeights } : { got: 'a file of another kind' };
    throw new CheckpointError({ where: file, expected: 'a run or its checkpoint', ...kind });
  }
  const { tensors, metadata: notes } = readSafetensors(bytes, file);
  if (notes.fovea === undefined || notes.sha256 === undefined)
    throw new CheckpointError({
      where: file,
      expected: 'a checkpoint of Fovea',
      got: 'safetensors without its metadata',
      hint: bareWeights,
    });
  const sum = checksum(notes.fovea, tensors);
  if (sum !== notes.sha256)
    throw new CheckpointError({ where: file, expected: `contents with sha256 ${notes.sha256}`, got: sum, hint: damaged });
  const given: unknown = JSON.parse(notes.fovea);
  const version = (given as { version?: unknown } | null)?.version;
  if (version !== 1)
    throw new CheckpointError({ where: file, expected: 'a checkpoint of version 1', got: `${version}`, hint: 'Use a newer Fovea' });
  const { success, data: metadata, error } = metadataSchema.safeParse(given);
  if (!success) {
    const [issue] = error.issues;
    throw new CheckpointError({ where: `${file}: ${issue.path.join('.')}`, expected: 'valid metadata', got: issue.message });
  }
  const [model, optimizer]: [StateDict, StateDict] = [new Map(), new Map()];
  for (const [name, tensor] of tensors) (name.startsWith(OPTIMIZER_PREFIX) ? optimizer : model).set(name, tensor);
  return { metadata, model, optimizer };
}
