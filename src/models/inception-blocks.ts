/** A convolution of a branch; without stride it keeps the picture's size, with stride 2 it has no padding. */
export interface BranchConvolution {
  /** Name in the state dict. */
  readonly name: string;
  readonly channels: number;
  /** Height and width, px. */
  readonly kernel: readonly [number, number];
  readonly stride: number;
}

/** One step of a branch: a convolution, or several side by side whose results are joined. */
export type BranchStep = BranchConvolution | readonly BranchConvolution[];

/** A pooling (3×3; `average` keeps the size, `max` halves it) and convolutions one after the other. */
export interface Branch {
  readonly pool?: 'average' | 'max';
  readonly steps: readonly BranchStep[];
}

export const convolutionsOf = (step: BranchStep): readonly BranchConvolution[] => ('name' in step ? [step] : step);

const conv = (name: string, channels: number, height: number, width = height): BranchConvolution => ({
  name,
  channels,
  kernel: [height, width],
  stride: 1,
});
const halving = (name: string, channels: number): BranchConvolution => ({ name, channels, kernel: [3, 3], stride: 2 });

/** Figure 5 of the paper, with 5×5 kernels kept in one branch as the published network has them. */
const withSmallKernels = (poolChannels: number): Branch[] => [
  { steps: [conv('branch1x1', 64, 1)] },
  { steps: [conv('branch5x5_1', 48, 1), conv('branch5x5_2', 64, 5)] },
  { steps: [conv('branch3x3dbl_1', 64, 1), conv('branch3x3dbl_2', 96, 3), conv('branch3x3dbl_3', 96, 3)] },
  { pool: 'average', steps: [conv('branch_pool', poolChannels, 1)] },
];

/** Figure 10: halves the picture. */
const firstReduction: Branch[] = [
  { steps: [halving('branch3x3', 384)] },
  { steps: [conv('branch3x3dbl_1', 64, 1), conv('branch3x3dbl_2', 96, 3), halving('branch3x3dbl_3', 96)] },
  { pool: 'max', steps: [] },
];

/** Figure 6: 7×7 kernels as 1×7 and 7×1. */
const withLongKernels = (inner: number): Branch[] => [
  { steps: [conv('branch1x1', 192, 1)] },
  { steps: [conv('branch7x7_1', inner, 1), conv('branch7x7_2', inner, 1, 7), conv('branch7x7_3', 192, 7, 1)] },
  {
    steps: [
      conv('branch7x7dbl_1', inner, 1),
      conv('branch7x7dbl_2', inner, 7, 1),
      conv('branch7x7dbl_3', inner, 1, 7),
      conv('branch7x7dbl_4', inner, 7, 1),
      conv('branch7x7dbl_5', 192, 1, 7),
    ],
  },
  { pool: 'average', steps: [conv('branch_pool', 192, 1)] },
];

const secondReduction: Branch[] = [
  { steps: [conv('branch3x3_1', 192, 1), halving('branch3x3_2', 320)] },
  {
    steps: [
      conv('branch7x7x3_1', 192, 1),
      conv('branch7x7x3_2', 192, 1, 7),
      conv('branch7x7x3_3', 192, 7, 1),
      halving('branch7x7x3_4', 192),
    ],
  },
  { pool: 'max', steps: [] },
];

/** Figure 7: branches that part again into 1×3 and 3×1. */
const withSplitKernels: Branch[] = [
  { steps: [conv('branch1x1', 320, 1)] },
  { steps: [conv('branch3x3_1', 384, 1), [conv('branch3x3_2a', 384, 1, 3), conv('branch3x3_2b', 384, 3, 1)]] },
  {
    steps: [
      conv('branch3x3dbl_1', 448, 1),
      conv('branch3x3dbl_2', 384, 3),
      [conv('branch3x3dbl_3a', 384, 1, 3), conv('branch3x3dbl_3b', 384, 3, 1)],
    ],
  },
  { pool: 'average', steps: [conv('branch_pool', 192, 1)] },
];

/**
 * The blocks of Inception v3 in their order, branch by branch.
 *
 * **Source**: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", table 1; names and channels
 * `torchvision.models.inception_v3`.
 */
export const branchBlocks: Readonly<Record<string, readonly Branch[]>> = {
  Mixed_5b: withSmallKernels(32),
  Mixed_5c: withSmallKernels(64),
  Mixed_5d: withSmallKernels(64),
  Mixed_6a: firstReduction,
  Mixed_6b: withLongKernels(128),
  Mixed_6c: withLongKernels(160),
  Mixed_6d: withLongKernels(160),
  Mixed_6e: withLongKernels(192),
  Mixed_7a: secondReduction,
  Mixed_7b: withSplitKernels,
  Mixed_7c: withSplitKernels,
};
