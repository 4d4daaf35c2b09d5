/** How a picture becomes a network's input: shorter side resized, centre cropped, 0 … 1, then (value − mean)/std per channel. */
export interface Preprocessing {
  /** Shorter side after resizing, px. */
  readonly resize: number;
  /** Side of the square cut from the centre, px. */
  readonly crop: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly interpolation: 'bilinear';
}

/** Trained weights that can be downloaded: facts, no numbers of the network. */
export interface WeightsEntry {
  /** torchvision's name for this version. */
  readonly name: string;
  readonly url: string;
  /** First 8 hexadecimal digits of the file's SHA-256. */
  readonly sha256Prefix: string;
  readonly preprocessing: Preprocessing;
  /** Inception: the model is made with `transformInput`. */
  readonly transformInput?: true;
  /** Which list names the classes: `imagenetClasses`. */
  readonly classes: 'imagenet-1k';
  /** Share of ImageNet's validation pictures whose class is the first guess, 0 … 1. */
  readonly top1: number;
  /** … is among the first five guesses, 0 … 1. */
  readonly top5: number;
  readonly licence: string;
  /** How the weights were made. */
  readonly source: string;
}

/** Mean and standard deviation of ImageNet's training pictures, red, green, blue. */
export const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

const licence = 'BSD-3-Clause (torchvision); trained on ImageNet, whose terms of use may apply';
const repository = 'https://github.com/pytorch/vision';

const recipes = {
  vgg: `${repository}/tree/main/references/classification#alexnet-and-vgg`,
  resnet: `${repository}/tree/main/references/classification#resnet`,
  resnet50v2: `${repository}/issues/3995#issuecomment-1013906621`,
  resnetV2: `${repository}/issues/3995#new-recipe`,
  squeezenet: `${repository}/pull/49#issuecomment-277560717`,
  densenet: `${repository}/pull/116`,
  inception: `${repository}/tree/main/references/classification#inception-v3`,
} as const;

/** What is not version 1, resized to 256 px and cropped to 224 px. */
interface Difference {
  readonly version?: 2;
  readonly resize?: number;
  readonly crop?: number;
  readonly transformInput?: true;
}

/** Model, file without `.pth`, top-1 and top-5 share, recipe. */
type Row = readonly [model: string, file: string, top1: number, top5: number, recipe: keyof typeof recipes, difference?: Difference];

const rows: readonly Row[] = [
  ['alexnet', 'alexnet-owt-7be5be79', 0.56522, 0.79066, 'vgg'],
  ['vgg11', 'vgg11-8a719046', 0.6902, 0.88628, 'vgg'],
  ['vgg11_bn', 'vgg11_bn-6002323d', 0.7037, 0.8981, 'vgg'],
  ['vgg13', 'vgg13-19584684', 0.69928, 0.89246, 'vgg'],
  ['vgg13_bn', 'vgg13_bn-abd245e5', 0.71586, 0.90374, 'vgg'],
  ['vgg16', 'vgg16-397923af', 0.71592, 0.90382, 'vgg'],
  ['vgg16_bn', 'vgg16_bn-6c64b313', 0.7336, 0.91516, 'vgg'],
  ['vgg19', 'vgg19-dcbb9e9d', 0.72376, 0.90876, 'vgg'],
  ['vgg19_bn', 'vgg19_bn-c79401a0', 0.74218, 0.91842, 'vgg'],
  ['resnet18', 'resnet18-f37072fd', 0.69758, 0.89078, 'resnet'],
  ['resnet34', 'resnet34-b627a593', 0.73314, 0.9142, 'resnet'],
  ['resnet50', 'resnet50-0676ba61', 0.7613, 0.92862, 'resnet'],
  ['resnet50', 'resnet50-11ad3fa6', 0.80858, 0.95434, 'resnet50v2', { version: 2, resize: 232 }],
  ['resnet101', 'resnet101-63fe2227', 0.77374, 0.93546, 'resnet'],
  ['resnet101', 'resnet101-cd907fc2', 0.81886, 0.9578, 'resnetV2', { version: 2, resize: 232 }],
  ['resnet152', 'resnet152-394f9c45', 0.78312, 0.94046, 'resnet'],
  ['resnet152', 'resnet152-f82ba261', 0.82284, 0.96002, 'resnetV2', { version: 2, resize: 232 }],
  ['squeezenet1_0', 'squeezenet1_0-b66bff10', 0.58092, 0.8042, 'squeezenet'],
  ['squeezenet1_1', 'squeezenet1_1-b8a52dc0', 0.58178, 0.80624, 'squeezenet'],
  ['densenet121', 'densenet121-a639ec97', 0.74434, 0.91972, 'densenet'],
  ['densenet161', 'densenet161-8d451a50', 0.77138, 0.9356, 'densenet'],
  ['densenet169', 'densenet169-b2777c0a', 0.756, 0.92806, 'densenet'],
  ['densenet201', 'densenet201-c1103571', 0.76896, 0.9337, 'densenet'],
  ['inception_v3', 'inception_v3_google-0cc3c7bd', 0.77294, 0.9345, 'inception', { resize: 342, crop: 299, transformInput: true }],
];

/**
 * The ImageNet weights that torchvision offers for a model, version 1 first.
 *
 * **Source**: the weights' metadata in torchvision 0.14; `vgg16`'s weights without a classifier are left out.
 *
 * @example imagenetWeights('resnet50').at(-1)!.url
 */
export const imagenetWeights = (model: string): WeightsEntry[] =>
  rows
    .filter((row) => row[0] === model)
    .map(([, file, top1, top5, recipe, { version = 1, resize = 256, crop = 224, ...rest } = {}]) => ({
      name: `IMAGENET1K_V${version}`,
      url: `https://download.pytorch.org/models/${file}.pth`,
      sha256Prefix: file.slice(-8),
      preprocessing: { resize, crop, ...imagenet, interpolation: 'bilinear' },
      classes: 'imagenet-1k',
      top1,
      top5,
      licence,
      source: recipes[recipe],
      ...rest,
    }));
