import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, FormatError } from '../core/errors.ts';
import { f32, type NdArray, type StateDict } from '../core/ndarray.ts';
import { readStateFile, writeStateFile } from './state-file.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'fovea-state-'));
});
afterAll(() => rm(dir, { recursive: true }));
const at = (name: string) => path.join(dir, name);
const testdata = (name: string) => fileURLToPath(new URL(`../formats/pth/testdata/${name}`, import.meta.url));

const state: StateDict = new Map<string, NdArray>([
  ['0.weight', f32([1, -2.5, 3, 4, 5, 6e-30], [2, 3])],
  ['0.bias', f32([0.5, -1])],
  ['steps', { dtype: 'i64', shape: [], data: BigInt64Array.of(-(2n ** 60n)) }],
]);

describe('readStateFile', () => {
  it.each(['weights.safetensors', 'weights.pth', 'no extension'])('reads safetensors by content from %s', async (name) => {
    await writeStateFile(at(name), state, { epoch: '3' });
    const { tensors, metadata } = await readStateFile(at(name));
    expect(Object.fromEntries(tensors)).toEqual(Object.fromEntries(state));
    expect(metadata).toEqual({ format: 'pt', epoch: '3' });
  });

  it.each(['zip.pth', 'old.pth', 'old-protocol-4.pth'])('reads %s by content, under another name too', async (name) => {
    await copyFile(testdata(name), at('copy.safetensors'));
    const { tensors } = await readStateFile(at('copy.safetensors'));
    expect([...tensors.keys()].slice(0, 2)).toEqual(['0.weight', '0.bias']);
  });

  it('reads safetensors whose length looks like the beginning of a pickle', async () => {
    await writeStateFile(at('x'), state, { note: ' '.repeat(0x280) });
    const bytes = await readFile(at('x'));
    const header = bytes.readUInt32LE(0);
    const wanted = 0x580;
    const padded = Buffer.concat([
      Buffer.alloc(8),
      bytes.subarray(8, 8 + header),
      Buffer.alloc(wanted - header, ' '),
      bytes.subarray(8 + header),
    ]);
    padded.writeUInt32LE(wanted);
    expect(padded[0]).toBe(0x80);
    await writeFile(at('x'), padded);
    expect((await readStateFile(at('x'))).tensors.size).toBe(3);
  });

  it.each<[string, (file: string) => Promise<unknown>, RegExp]>([
    ['a missing file', async () => {}, /nothing of that name/],
    ['a folder', (file) => mkdir(file), /got a folder\. Name the file/],
    ['an empty file', (file) => writeFile(file, ''), /an empty file/],
    [
      'a pointer of Git LFS',
      (file) => writeFile(file, 'version https://git-lfs.github.com/spec/v1\noid sha256:0'),
      /Git LFS.*git lfs pull/,
    ],
    ['a web page', (file) => writeFile(file, '\n<!DOCTYPE html><html>'), /web page.*download failed/],
    ['a picture', (file) => writeFile(file, Buffer.from([0xff, 0xd8, 0xff, 0xe0])), /got a picture/],
    ['something else', (file) => writeFile(file, 'abcd'), /something else \(it begins with 0x61626364\)/],
    [
      'more than 2 GiB',
      async (file) => {
        await writeFile(file, 'x');
        await truncate(file, 2 ** 31);
      },
      /2\.0 GiB; at most 2 GiB/,
    ],
  ])('names the file: %s', async (name, make, message) => {
    const file = at(name);
    await make(file);
    const reading = readStateFile(file);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow(`[${file}]`);
    await expect(reading).rejects.toBeInstanceOf(CheckpointError);
    await rm(file, { recursive: true, force: true });
  });

  it.skipIf(process.getuid?.() === 0)('names the file: unreadable (skipped for root, who may read everything)', async () => {
    await writeFile(at('locked'), 'x');
    await chmod(at('locked'), 0);
    await expect(readStateFile(at('locked'))).rejects.toThrow(/may not read/);
  });

  it('names the file: cut short, in both formats', async () => {
    await writeStateFile(at('cut'), state);
    for (const source of [at('cut'), testdata('zip.pth'), testdata('old.pth')]) {
      const bytes = await readFile(source);
      await writeFile(at('cut'), bytes.subarray(0, bytes.length - 9));
      const reading = readStateFile(at('cut'));
      await expect(reading).rejects.toBeInstanceOf(FormatError);
      await expect(reading).rejects.toThrow(at('cut'));
    }
  });
});

const python = '/usr/bin/python3';
const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0;
/** The format's few rules in Python: the package safetensors is no part of PyTorch. */
const loader = `
import json, struct, sys, torch
raw = bytearray(open(sys.argv[1], 'rb').read())
n, = struct.unpack('<Q', raw[:8])
header = json.loads(raw[8:8 + n])
kinds = {'F32': torch.float32, 'I64': torch.int64}
state = {}
for name, e in header.items():
    if name == '__metadata__': continue
    begin, end = e['data_offsets']
    data = raw[8 + n + begin:8 + n + end]
    state[name] = torch.frombuffer(data, dtype=kinds[e['dtype']]).reshape(e['shape'])
model = torch.nn.Sequential(torch.nn.Linear(3, 2))
steps = state.pop('steps')
model.load_state_dict(state)
torch.save(model.state_dict(), sys.argv[2])
print(json.dumps([header['__metadata__'], int(steps), model(torch.ones(1, 3)).tolist()]))
`;
describe.skipIf(!hasTorch)('weights in PyTorch (skipped where /usr/bin/python3 has no torch)', () => {
  it('load there, and come back the same', async () => {
    await writeStateFile(at('out.safetensors'), state);
    const { status, stdout, stderr } = spawnSync(python, ['-c', loader, at('out.safetensors'), at('back.pth')], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(JSON.parse(stdout.replace('-1152921504606846976', '"-2^60"'))).toEqual([{ format: 'pt' }, '-2^60', [[2, 8]]]);
    const { tensors } = await readStateFile(at('back.pth'));
    expect(tensors.get('0.weight')).toEqual(state.get('0.weight'));
    expect(tensors.get('0.bias')).toEqual(state.get('0.bias'));
  });
});
