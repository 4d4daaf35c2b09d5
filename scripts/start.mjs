// `npm start [-- options]`: sets everything up, then trains the course's network on MNIST. Options go to `fovea train mnist`.
import { pathToFileURL } from 'node:url';
import { setupOnednn } from './setup-onednn.mjs';
import { build, inRoot, installPackages, requireNode } from './steps.mjs';

requireNode('20.9');
installPackages();
await setupOnednn();
build();

// In this process rather than a child: signals, exit status and terminal are then the command's own.
const main = inRoot('dist', 'cli', 'main.js');
process.argv = [process.execPath, main, 'train', 'mnist', ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
