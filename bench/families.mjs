// The networks that are measured: one or two of each family, at the size its weights were trained at.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { python } from './peer.mjs';

export const families = [
  { name: 'alexnet', size: 224 },
  { name: 'vgg16', size: 224 },
  { name: 'resnet18', size: 224, target: 2.5 },
  { name: 'resnet50', size: 224, target: 2.2 },
  { name: 'squeezenet1_0', size: 224 },
  { name: 'densenet121', size: 224 },
  { name: 'inception_v3', size: 299 },
];

const folder = fileURLToPath(new URL('../.fovea/peers/', import.meta.url));

/** Installs onnxruntime-node beside the project (without its install script, which would download), or returns undefined. */
export function onnxRuntime() {
  const place = `${folder}node_modules/onnxruntime-node`;
  mkdirSync(folder, { recursive: true });
  const install = ['install', '--prefix', folder, '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', 'onnxruntime-node@1'];
  if (!existsSync(place)) spawnSync('npm', install, { stdio: 'ignore' });
  return existsSync(place) ? place : undefined;
}

/** A network's ONNX file, written by torchvision the first time. */
export function onnxFile({ name, size }) {
  const file = `${folder}${name}.onnx`;
  const script = fileURLToPath(new URL('peers/export_onnx.py', import.meta.url));
  if (existsSync(file)) return file;
  const { status, stderr } = spawnSync(python, ['-B', script, name, `${size}`, file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`export_onnx.py ${name}: ${stderr.trim().split('\n').at(-1)}`);
  return file;
}
