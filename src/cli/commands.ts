import { Argument, type Command, Option } from 'commander';
import { listModels } from '../models/index.ts';
import type { RecipeField } from '../train/recipe.ts';
import type { KnnCommandOptions } from './knn-command.ts';
import type { LinearCommandOptions } from './linear-command.ts';
import {
  aliasOptions,
  asNumber,
  engineOptions,
  json,
  linearPresets,
  linearWords,
  predictAliases,
  recipeOption,
  recipeOptions,
  searchAliases,
  trainAliases,
} from './options.ts';

/** Takes the status to exit with. */
type Done = (status: number) => void;

const dataArgument = () => new Argument('<data>', 'mnist, a folder with CIFAR-10, or one with a folder of pictures for each class');
const sizeOption = () => new Option('--size <px>', 'side to which pictures of any size are reduced (default: 32)').argParser(asNumber);

function addOptions(command: Command, options: readonly Option[]): void {
  for (const option of options) command.addOption(option);
}

/** All models, `resnet18` before `resnet101`. */
const modelNames = (): string =>
  listModels()
    .map(({ name }) => name)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .join(', ');

function addTrain(program: Command, done: Done): void {
  const command = program
    .command('train')
    .description('train a network')
    .addArgument(new Argument('[data]', 'mnist, or a folder of pictures with a folder for each class'))
    .option('--resume <run>', 'go on with a run that was stopped: its folder, or a checkpoint file')
    .option('--lr-find', 'train nothing: try learning rates, draw the losses and suggest one')
    .addOption(json())
    .action(async (data: string | undefined, options: Record<string, unknown>) => {
      const { trainCommand } = await import('./train-command.ts');
      done(await trainCommand({ ...options, data }));
    });
  addOptions(command, [...recipeOptions(), ...aliasOptions(trainAliases)]);
  command.addHelpText('after', () => `\n${command.createHelp().boxWrap(`Models: ${modelNames()}`, process.stdout.columns ?? 80)}`);
}

function addVal(program: Command, done: Done): void {
  const command = program
    .command('val')
    .description('accuracy of a trained network on the validation or test images, class by class')
    .argument('<run>', 'run folder (its best weights), or a checkpoint file')
    .option('--data <folder>', 'another folder of pictures, a folder for each class (default: what the run was validated with)')
    .option('--data-dir <folder>', 'folder with the data set’s own files')
    .addOption(json())
    .action(async (run: string, options: Record<string, unknown>) => {
      const { valCommand } = await import('./val-command.ts');
      done(await valCommand({ ...options, run }));
    });
  addOptions(command, engineOptions());
}

function addPredict(program: Command, done: Done): void {
  const command = program
    .command('predict')
    .description('what a trained network sees in pictures')
    .argument('<image...>', 'picture files, folders or patterns such as "*.jpg"')
    .option('--model <run|name>', 'run folder (its best weights), a checkpoint file, or a model’s name')
    .option('--weights <run|file>', 'with a model’s name its trained weights, .pth, .safetensors or imagenet; alone the same as --model')
    .addOption(new Option('--classes <n>', 'classes of the weights of a model (default: 1000)').argParser(asNumber))
    .addOption(new Option('--topk <n>', 'classes to print, the most probable first (default: 5)').argParser(asNumber))
    .option('--names <file>', 'JSON file with names to show for the class folders (default: those of the run)')
    .addOption(new Option('--csv', 'print a table for spreadsheets instead of text').conflicts('json'))
    .addOption(json())
    .action(async (images: string[], options: Record<string, unknown>) => {
      const { predictCommand } = await import('./predict-command.ts');
      done(await predictCommand({ ...options, images }));
    });
  addOptions(command, [...aliasOptions(predictAliases), ...engineOptions()]);
}

function addSummary(program: Command, done: Done): void {
  program
    .command('summary')
    .description('layers of a network: sizes, parameters, multiply-adds, receptive fields')
    .argument('<network>', 'a model’s name, or a run folder')
    .option('--input <c,h,w>', 'shape of the picture (default: that the network is made for)')
    .addOption(new Option('--classes <n>', 'classes of a model (default: 10 or 1000)').argParser(asNumber))
    .addOption(new Option('--csv', 'print a table for spreadsheets instead of text').conflicts('json'))
    .addOption(json())
    .action(async (network: string, options: Record<string, unknown>) => {
      const { summaryCommand } = await import('./summary-command.ts');
      done(await summaryCommand({ ...options, network }));
    });
}

function addExplain(program: Command, done: Done): void {
  const command = program
    .command('explain')
    .description('how one number of a layer comes about on a picture: window, weights, products, sum')
    .argument('<network>', 'run folder, checkpoint file or a model’s name')
    .argument('<picture>', 'picture file')
    .requiredOption('--layer <name>', 'a layer as summary lists it (conv1.0); softmax: the probabilities')
    .option('--at <channel,row,col>', 'which number, from 0 (default: the largest)')
    .option('--label <class>', 'with --layer softmax: the true class, for the loss')
    .option('--weights <file|run>', 'trained weights of a model, .pth, .safetensors or a run; imagenet: download them')
    .addOption(new Option('--classes <n>', 'classes of a model (default: 10 or 1000)').argParser(asNumber))
    .addOption(json())
    .action(async (network: string, picture: string, options: { layer: string }) => {
      const { explainCommand } = await import('./explain-command.ts');
      done(await explainCommand({ ...options, network, picture }));
    });
  addOptions(command, engineOptions());
}

function addSearch(program: Command, done: Done): void {
  const command = program
    .command('search')
    .description('the pictures of a folder that are most similar to one')
    .argument('<picture>', 'picture file, in the folder or elsewhere')
    .requiredOption('--in <folder>', 'pictures to search among, those in folders below it too')
    .requiredOption('--model <run|name>', 'whose features are compared: run folder, checkpoint file or a model’s name')
    .option('--weights <file|run>', 'trained weights of a model, .pth, .safetensors or a run; imagenet: download them')
    .addOption(new Option('--classes <n>', 'classes of the weights (default: 1000)').argParser(asNumber))
    .addOption(new Option('--topk <n>', 'pictures to list, the most similar first (default: 12)').argParser(asNumber))
    .option('--include-self', 'list the picture itself, if it lies in the folder')
    .option('--out <file.png>', 'draw the picture and those found')
    .addOption(json())
    .action(async (picture: string, options: { in: string; model: string }) => {
      const { searchCommand } = await import('./search-command.ts');
      done(await searchCommand({ ...options, picture }));
    });
  addOptions(command, [...aliasOptions(searchAliases), ...engineOptions()]);
}

function addKnn(program: Command, done: Done): void {
  const command = program
    .command('knn')
    .description('k nearest neighbours: the best k by cross-validation, accuracy class by class, where the background decided')
    .addArgument(dataArgument())
    .option('--k <list>', 'numbers of neighbours to try', '1,3,5,10,20')
    .option('--metric <name>', 'distance: l1, l2 or cosine', 'l2')
    .option('--features <name>', 'pixels; or a model’s name or a run, whose features are compared beside the pixels', 'pixels')
    .option('--weights <file|run>', 'trained weights of that model, .pth, .safetensors or a run; imagenet: download them')
    .addOption(new Option('--classes <n>', 'classes of the weights (default: 1000)').argParser(asNumber))
    .addOption(new Option('--folds <n>', 'parts of the cross-validation').argParser(asNumber).default(5))
    .addOption(new Option('--train <n>', 'use only n training images, drawn at random (default: all)').argParser(asNumber))
    .addOption(new Option('--test <n>', 'use only n test images, drawn at random (default: all)').argParser(asNumber))
    .addOption(sizeOption())
    .addOption(new Option('--seed <n>', 'seed of the parts and of what is drawn').argParser(asNumber).default(0))
    .option('--out <folder>', 'folder for run folders', 'runs')
    .option('--name <name>', 'name of the run folder (default: knn- and the data set’s, with the next free number)')
    .addOption(json())
    .action(async (data: string, options: Omit<KnnCommandOptions, 'data'>) => {
      const { knnCommand } = await import('./knn-command.ts');
      done(await knnCommand({ ...options, data }));
    });
  addOptions(command, engineOptions());
}

function addLinear(program: Command, done: Done): void {
  const command = program
    .command('linear')
    .description('a linear classifier, f(x, W, b) = Wx + b: scores, losses, the rows of W as pictures, the effect of λ')
    .addArgument(dataArgument())
    .option('--loss <name>', 'hinge or softmax', 'softmax')
    .addOption(new Option('--margin <n>', 'margin of the hinge loss').argParser(asNumber).default(1))
    .addOption(new Option('--l2 <λ>', 'strength of the penalty λ·Σ W²').argParser(asNumber).default(1e-4))
    .option('--compare <list>', 'other λ to train with, for the picture of its effect; none: skip it', '0,0.01,0.1,1')
    .addOption(new Option('--train <n>', 'use only n training images, drawn at random (default: all)').argParser(asNumber))
    .addOption(new Option('--test <n>', 'use only n test images, drawn at random (default: all)').argParser(asNumber))
    .addOption(sizeOption())
    .addOption(new Option('--sample <n>', 'test image whose scores are printed, from 0').argParser(asNumber).default(0))
    .addOption(json())
    .action(async (data: string, options: Omit<LinearCommandOptions, 'data'>) => {
      const { linearCommand } = await import('./linear-command.ts');
      done(await linearCommand({ ...options, data } as LinearCommandOptions));
    });
  addOptions(
    command,
    Object.entries(linearPresets).map(([field, preset]) => recipeOption(field as RecipeField, preset, linearWords[field as RecipeField])),
  );
}

function addDoctor(program: Command, done: Done): void {
  program
    .command('doctor')
    .description('which engine this machine has, and if none, how to get it')
    .addOption(json())
    .action(async (options: Record<string, unknown>) => {
      const { doctorCommand } = await import('./doctor-command.ts');
      done(await doctorCommand({ ...options, version: program.version()! }));
    });
}

const all = [addTrain, addVal, addPredict, addSummary, addExplain, addSearch, addKnn, addLinear, addDoctor];

/** Adds every command, in the order of the help. One is loaded only when it is called: `--help` stays quick. */
export function addCommands(program: Command, done: Done): void {
  for (const add of all) add(program, done);
}
