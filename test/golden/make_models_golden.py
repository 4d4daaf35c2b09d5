"""Writes models.golden.json. Run: /usr/bin/python3 test/golden/make_models_golden.py [name ...] (needs torchvision; 0.14 made the
stored one).

Each of torchvision's models, filled by the formula as in make_golden.py, in double precision: its scores in evaluation, then one step
of plain gradient descent on cross-entropy in training (dropout 0). Weights with two axes or more have the scale
sqrt(gain / (elements / first extent)): a gain of 6 keeps the size of activations through ReLUs, the smaller one of ResNet keeps its
sums from growing. The last batch-norm weights of ResNet's bottlenecks are a quarter of the formula's, more as in trained networks:
otherwise rounding errors grow from block to block until single precision, PyTorch's too, is a thousandth off.
"""
import copy
import hashlib
import json
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torchvision import __version__, models

from make_golden import HERE, digits, labels, mix, numbers, whole

CLASSES = 7
# Sizes that no family is made for, most of them not square. Inception's inner classifier needs 299 px in training.
ROWS = [
    ('alexnet', 6, (2, 3, 67, 95), None),
    *[(f'vgg{depth}{bn}', 6, (2, 3, 32, 49), None) for depth in (11, 13, 16, 19) for bn in ('', '_bn')],
    *[(f'resnet{depth}', 2, (2, 3, 64, 96), None) for depth in (18, 34, 50, 101, 152)],
    *[(f'squeezenet1_{version}', 6, (2, 3, 64, 81), None) for version in (0, 1)],
    *[(f'densenet{depth}', 6, (2, 3, 64, 96), None) for depth in (121, 161, 169, 201)],
    ('inception_v3', 6, (2, 3, 91, 123), (3, 3, 299, 299)),
]
OPTIONS = {'resnet': {}, 'densenet': {}, 'inception': {'dropout': 0.0, 'init_weights': False}}


def make(name):
    options = next((v for k, v in OPTIONS.items() if name.startswith(k)), {'dropout': 0.0})
    if name.startswith('vgg'):
        options = {**options, 'init_weights': False}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return models.get_model(name, num_classes=CLASSES, **options)


def fill_value(value, seed, scale):
    """numbers() in pieces that fit a cache: a large network has a hundred million of them."""
    flat, start = value.view(-1).numpy(), (seed * 0x9E3779B9) & 0xFFFFFFFF
    for begin in range(0, flat.size, 1 << 16):
        count = min(1 << 16, flat.size - begin)
        h = mix(np.arange(count, dtype=np.uint32) + np.uint32((start + begin) & 0xFFFFFFFF))
        flat[begin:begin + count] = (scale * (2 * h.astype(np.float64) / 2**32 - 1)).astype(np.float32)


def fill(model, gain):
    state = {k: v for k, v in model.state_dict().items() if v.is_floating_point()}
    for seed, (name, value) in enumerate(state.items(), 1):
        scale = (gain / (value.numel() / value.shape[0])) ** 0.5 if value.dim() > 1 else 0.1
        fill_value(value, seed, scale)
        if name.endswith('running_var') or (name.endswith('weight') and value.dim() == 1):
            value.add_(1)
        if name.endswith('bn3.weight'):
            value.mul_(0.25)
    return model


def spread(items, count):
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def updated(before, after):
    stride = max(1, after.numel() // 4)
    return {'stride': stride, 'samples': whole(after.flatten()[::stride][:4]), 'change': digits((after - before).norm().item())}


def gradients(model, shape):
    result = model(numbers(50, shape).to(next(model.parameters()).dtype))
    y, aux = result if isinstance(result, tuple) else (result, None)
    target = labels(shape[0], CLASSES)
    loss = F.cross_entropy(y, target)
    if aux is not None:
        loss = loss + 0.4 * F.cross_entropy(aux, target)
    loss.backward()
    return y, loss


def step(model, shape):
    single = copy.deepcopy(model).float().train()
    gradients(single, shape)
    y, loss = gradients(model.train(), shape)
    parameters = dict(model.named_parameters())
    # How far PyTorch's own single precision is from double: a ReLU or a pooling that decides otherwise moves the whole gradient.
    # (A bias before batch norm has no gradient but rounding errors: it does not count.)
    real = 1e-6 * max(p.grad.norm() for p in parameters.values())
    pairs = [(p.grad, q.grad) for p, q in zip(parameters.values(), single.parameters()) if p.grad.norm() > real]
    noise = max(((g - h).norm() / g.norm()).item() for g, h in pairs)
    # A rate at which the largest change is a hundredth of its parameter.
    steepest = max((p.grad.norm() / p.detach().norm()).item() for p in parameters.values())
    lr = float(f'{0.01 / steepest:.1g}')
    chosen = {name: parameters[name] for name in spread(list(parameters), 12)}
    state = model.state_dict()
    running = [name for name in state if name.endswith('running_var')]
    return {
        'shape': shape,
        'y': whole(y),
        'loss': digits(loss.item()),
        'lr': lr,
        'noise': float(f'{noise:.1g}'),
        'parameters': {name: updated(p.detach(), p.detach() - lr * p.grad) for name, p in chosen.items()},
        'running': {name: whole(state[name][:4]) for name in (spread(running, 3) if running else [])},
    }


def case(name, gain, shape, training_shape):
    model = fill(make(name), gain)
    keys = [f'{k} {list(v.shape)}'.replace(' ', '').replace('[', ' [') for k, v in model.state_dict().items() if v.is_floating_point()]
    model.eval()
    with torch.no_grad():
        evaluated = whole(model(numbers(50, shape)))
    return {
        'gain': gain,
        'parameters': sum(p.numel() for p in model.parameters()),
        'keys': len(keys),
        'digest': hashlib.sha256('\n'.join(keys).encode()).hexdigest(),
        'eval': {'shape': shape, 'y': evaluated},
        'train': step(model, training_shape or shape),
    }


def transform_input_case():
    model = fill(models.Inception3(CLASSES, transform_input=True, init_weights=False, dropout=0.0), 6).eval()
    with torch.no_grad():
        return {'gain': 6, 'shape': (1, 3, 75, 75), 'y': whole(model(numbers(50, (1, 3, 75, 75))))}


if __name__ == '__main__':
    path = HERE / 'models.golden.json'
    stored = json.loads(path.read_text())['models'] if path.exists() else {}
    for name, *row in ROWS:
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            stored[name] = case(name, *row)
            print(name, *(stored[name]['train'][key] for key in ('loss', 'lr', 'noise')), max(stored[name]['eval']['y']), flush=True)
    ordered = {name: stored[name] for name, *_ in ROWS if name in stored}
    versions = {'torchvision': __version__, 'torch': torch.__version__}
    text = {**versions, 'classes': CLASSES, 'models': ordered, 'transformInput': transform_input_case()}
    path.write_text(json.dumps(text).replace('"keys": ', '\n"keys": ').replace('}, "', '},\n"') + '\n')
