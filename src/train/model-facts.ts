import { z } from 'zod';
import { createModel, findModel } from '../models/index.ts';
import type { Module } from '../nn/module.ts';
import { putHiddenLayer } from './hidden-layer.ts';

/** What, beside its name and classes, makes a network what it is. */
export const modelOptionsSchema = z.object({
  transformInput: z.boolean().optional(),
  hiddenUnits: z.int().min(1).optional(),
});
export type KeptModelOptions = z.infer<typeof modelOptionsSchema>;

/** The network that a checkpoint's metadata describe; its numbers are in the checkpoint. */
export function networkOf({
  model,
  classes,
  sampleShape,
  options: { hiddenUnits, ...family } = {},
}: {
  model: string;
  classes: readonly string[];
  sampleShape: readonly number[];
  options?: KeptModelOptions;
}): Module {
  const module = createModel(model, { classes: classes.length, inChannels: sampleShape[0], ...family });
  return hiddenUnits ? putHiddenLayer(module, findModel(model), classes.length, hiddenUnits) : module;
}
