"""Makes the small .pth files of this folder and the values they hold, with PyTorch 1.13: python3 make_testdata.py"""
import json, os, pickle, zipfile
from collections import Counter, OrderedDict, defaultdict
from argparse import Namespace
import numpy as np
import torch

here = os.path.dirname(os.path.abspath(__file__))
expected = {}


def listed(t):
    t = t.detach()
    wide = t.double() if t.is_floating_point() else t.long()
    kept = {torch.float64: 'f64', torch.float32: 'f32', torch.float16: 'f32', torch.bfloat16: 'f32', torch.int64: 'i64', torch.uint8: 'u8', torch.bool: 'u8'}
    return {'dtype': kept.get(t.dtype, 'i32'), 'shape': list(t.shape), 'values': [str(v) if t.dtype == torch.int64 else v for v in wide.flatten().tolist()]}


def write(name, value, tensors, old=False, **how):
    torch.save(value, os.path.join(here, name), _use_new_zipfile_serialization=not old, **how)
    expected[name] = [[key, listed(t)] for key, t in tensors.items()]


def fill(shape, step=0.25, dtype=torch.float32):
    n = int(np.prod(shape))
    return (torch.arange(n, dtype=torch.float64) * step - n * step / 3).to(dtype).reshape(shape)


torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(2, 3))
state = model.state_dict()
write('zip.pth', state, state)
write('old.pth', state, state, old=True)
write('old-protocol-4.pth', state, state, old=True, pickle_protocol=4)
write('parameters.pth', OrderedDict(model.named_parameters()), dict(model.named_parameters()))

base = fill((4, 6))
noted = fill((2, 2))
noted.note = 'an attribute'
windows = {'noted': noted, 'base': base, 'transposed': base.t(), 'row': base[2], 'column': base[:, 1], 'window': base[1:3, 2:5], 'steps': base[::2, ::3],
           'flat': base.view(-1)[5:9], 'expanded': fill((3, 1)).expand(3, 4), 'permuted': fill((2, 3, 4)).permute(2, 0, 1),
           'channels_last': fill((1, 3, 2, 2)).to(memory_format=torch.channels_last)}
write('strided.pth', windows, windows)
write('strided-old.pth', windows, windows, old=True)

dtypes = {'f64': fill((2, 2), 1 / 3, torch.float64), 'f16': torch.tensor([1, -2.5, 65504, 6e-8, float('inf')]).half(),
          'bf16': torch.tensor([1, -3.140625, 1e38]).bfloat16(), 'i64': torch.tensor([2**62, -1, 0]), 'i32': torch.tensor([2**31 - 1, -5], dtype=torch.int32),
          'i16': torch.tensor([-32768, 7], dtype=torch.int16), 'i8': torch.tensor([-128, 127], dtype=torch.int8),
          'u8': torch.tensor([0, 255], dtype=torch.uint8), 'bool': torch.tensor([True, False]), 'scalar': torch.tensor(2.5), 'empty': torch.zeros(0, 3)}
expected_dtypes = {k: v for k, v in dtypes.items()}
write('dtypes.pth', dtypes, expected_dtypes)
write('dtypes-old.pth', dtypes, expected_dtypes, old=True)

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
model(torch.ones(1, 1, 3, 3).expand(2, 1, 3, 3)).sum().backward()
optimizer.step()
state = {k: v.clone() for k, v in model.state_dict().items()}
parallel = OrderedDict(('module.' + k, v) for k, v in state.items())
checkpoint = {'epoch': 7, 'arch': 'tiny', 'best_acc1': torch.tensor(91.5), 'acc': np.float64(0.5), 'history': [1, (2, 3), {'a': None}],
              'optimizer': optimizer.state_dict(), 'args': Namespace(lr=0.1, resume=''), 'milestones': Counter({3: 1}), 'seed': 2**63 + 1,
              'missing': defaultdict(dict, {'k': {'v': True}}), 'device': torch.device('cpu'), 'dtype': torch.float32, 'size': torch.Size([2, 3]),
              'names': {'one'}, 'mean': np.arange(3, dtype=np.float32), 'state_dict': parallel}
write('checkpoint.pth', checkpoint, state)
write('checkpoint-old.pth', {'net': {'epoch': 3, 'model': state}}, state, old=True)
write('one-unknown-name.pth', {'teacher': state, 'epoch': 1}, state)
torch.save({'generator': state, 'discriminator': state}, os.path.join(here, 'two.pth'))
torch.save([1, 2, 3], os.path.join(here, 'list.pth'))
torch.save(model, os.path.join(here, 'whole-model.pth'))


class Evil:
    def __reduce__(self):
        return os.system, ('touch executed-by-pickle',)


torch.save({'state_dict': state, 'note': Evil()}, os.path.join(here, 'malicious.pth'))
torch.save({'state_dict': state, 'note': Evil()}, os.path.join(here, 'malicious-old.pth'), _use_new_zipfile_serialization=False)
torch.jit.script(model).save(os.path.join(here, 'script.pth'))


def repack(name, compression=zipfile.ZIP_STORED, **more):
    with zipfile.ZipFile(os.path.join(here, 'list.pth')) as source, zipfile.ZipFile(os.path.join(here, name), 'w', compression) as target:
        for entry in source.namelist():
            target.writestr(entry, source.read(entry))
        for entry, text in more.items():
            target.writestr('list/' + entry, text)


repack('deflated.pth', zipfile.ZIP_DEFLATED)
repack('big-endian.pth', byteorder='big')
repack('little-endian.pth', byteorder='little')
with open(os.path.join(here, 'expected.golden.json'), 'w') as f:
    f.write('{\n' + ',\n'.join(f'{json.dumps(k)}: {json.dumps(v)}' for k, v in expected.items()).replace('Infinity', '"Infinity"') + '\n}\n')

values = [None, True, False, 0, 255, 65535, -1, 2**31, -2**62, 2**53 + 1, 1.5, float('inf'), 'grün', b'\x00\xff', (), (1,), (1, 2), (1, 2, 3),
          (1, 2, 3, 4), [1, [2]], {'a': 1, 2: 'b'}, 'quote\'"\\\n', 'x' * 300, np.float32(0.5), np.int64(-7),
          np.arange(6, dtype=np.int16).reshape(2, 3), np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)), np.array([True, False])]
for protocol in range(6):
    with open(os.path.join(here, f'values-{protocol}.pickle'), 'wb') as f:
        pickle.dump(values + [{1, 2}, frozenset([3]), bytearray(b'ab')][:3 if protocol >= 4 else 0], f, protocol=protocol)
