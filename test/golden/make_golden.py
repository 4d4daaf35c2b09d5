"""Writes the golden values beside this file. Run: /usr/bin/python3 test/golden/make_golden.py (needs torch; 1.13 made the stored ones).

Everything is computed in double precision from single-precision weights and inputs, which come from the formula in formula.ts:

    h = mix(seed * 0x9e3779b9 + i)            all in 32-bit unsigned integers
    value = scale * (2 * h / 2**32 - 1)       in double precision, then rounded to single

Parameters of a model are filled in the order of its state dict with seeds 1, 2, 3, ...; the scale is 1 / sqrt(elements / first extent)
for weights with two axes or more and 0.1 otherwise; batch-norm weights and running variances get 1 added, and are so above 0.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
torch.set_default_dtype(torch.float64)


def mix(h):
    h = h.astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def numbers(seed, shape, scale=1.0):
    start = (seed * 0x9E3779B9) & 0xFFFFFFFF
    count = int(np.prod(shape, dtype=np.int64))
    h = mix((np.arange(count, dtype=np.uint64) + np.uint64(start)) & np.uint64(0xFFFFFFFF))
    values = (scale * (2 * h.astype(np.float64) / 2**32 - 1)).astype(np.float32)
    return torch.from_numpy(values.astype(np.float64)).reshape(shape)


def labels(rows, classes):
    return torch.tensor([(i * 7 + 3) % classes for i in range(rows)])


def fill(model):
    state = {k: v for k, v in model.state_dict().items() if v.is_floating_point()}
    for seed, (name, value) in enumerate(state.items(), 1):
        scale = (value.numel() / value.shape[0]) ** -0.5 if value.dim() > 1 else 0.1
        value.copy_(numbers(seed, tuple(value.shape), scale))
        if name.endswith('running_var') or (name.endswith('weight') and value.dim() == 1):
            value.add_(1)
    return model


def digits(x):
    return float(f'{x:.9g}')


def whole(t):
    return [digits(v) for v in t.detach().flatten().tolist()]


def sketch(t):
    """Few numbers that stand for a large array: 32 elements at even distances, the norm, the product with an array of the formula."""
    flat = t.detach().flatten()
    stride = max(1, flat.numel() // 32)
    product = (flat * numbers(99, (flat.numel(),))).sum()
    return {'stride': stride, 'samples': whole(flat[::stride][:32]), 'norm': digits(flat.norm().item()), 'product': digits(product.item())}


def grads(model):
    return {name: sketch(p.grad) for name, p in model.named_parameters()}


def write(name, value):
    text = json.dumps({'torch': torch.__version__, **value}, indent=1)
    (HERE / f'{name}.golden.json').write_text(text + '\n')


class CourseCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(1, 16, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2))
        self.conv2 = nn.Sequential(nn.Conv2d(16, 32, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2))
        self.out = nn.Linear(32 * 7 * 7, 10)

    def forward(self, x):
        return self.out(self.conv2(self.conv1(x)).flatten(1))


class SmallNet(nn.Module):
    """Every structure that larger networks have: groups, stride, dilation, batch norm, residual sum, concat, all poolings."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False)
        self.bn = nn.BatchNorm2d(6)
        self.branch = nn.Conv2d(6, 6, 3, padding=2, dilation=2)
        self.bn2 = nn.BatchNorm2d(6, eps=1e-3)
        self.reduce = nn.Conv2d(12, 7, (1, 3), padding=(0, 1))
        self.out = nn.Linear(7 * 2 * 2, 5)

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        y = F.relu(self.bn2(self.branch(x)) + x)
        z = torch.cat([y, x], 1)
        z = F.avg_pool2d(z, 2, 1, 1, ceil_mode=True, count_include_pad=False)
        z = F.avg_pool2d(self.reduce(z), 3, 2, 1, ceil_mode=True)
        z = F.adaptive_avg_pool2d(z, 2)
        return self.out(z.flatten(1))


def model_case(name, model, shape, classes):
    fill(model)
    x = numbers(50, shape).requires_grad_()
    target = labels(shape[0], classes)
    model.eval()
    evaluated = whole(model(x))
    model.train()
    y = model(x)
    loss = F.cross_entropy(y, target)
    loss.backward()
    running = {k: whole(v) for k, v in model.state_dict().items() if 'running' in k}
    write(name, {'shape': shape, 'eval': evaluated, 'y': whole(y), 'loss': digits(loss.item()), 'grads': grads(model), 'running': running})


def loss_cases():
    weights = [0.5, 1.0, 2.0, 0.25, 1.5]
    rows = [
        ('crossEntropy', {}),
        ('crossEntropy', {'labelSmoothing': 0.1}),
        ('crossEntropy', {'classWeights': weights}),
        ('crossEntropy', {'ignoreIndex': 3}),
        ('crossEntropy', {'ignoreIndex': 3, 'classWeights': weights, 'labelSmoothing': 0.2}),
        ('nll', {}),
        ('nll', {'classWeights': weights, 'ignoreIndex': 0}),
        ('hinge', {'perClass': True}),
        ('hinge', {'perClass': True, 'p': 2, 'margin': 0.5}),
        ('hinge', {}),
        ('mse', {}),
        ('l2', {'factor': 0.01}),
    ]
    cases = []
    for kind, options in rows:
        x = numbers(7, (6, 5), 3.0).requires_grad_()
        target = labels(6, 5)
        weight = torch.tensor(options['classWeights']) if 'classWeights' in options else None
        ignore = options.get('ignoreIndex', -100)
        if kind == 'crossEntropy':
            loss = F.cross_entropy(x, target, weight, ignore_index=ignore, label_smoothing=options.get('labelSmoothing', 0.0))
        elif kind == 'nll':
            loss = F.nll_loss(F.log_softmax(x, 1), target, weight, ignore_index=ignore)
        elif kind == 'hinge':
            loss = F.multi_margin_loss(x, target, p=options.get('p', 1), margin=options.get('margin', 1.0))
            loss = loss if options.get('perClass') else loss * 5
        elif kind == 'mse':
            loss = F.mse_loss(x, numbers(8, (6, 5)))
        else:
            loss = options['factor'] * (x**2).sum()
        loss.backward()
        cases.append({'kind': kind, 'options': options, 'loss': digits(loss.item()), 'grad': whole(x.grad)})
    write('losses', {'cases': cases})


def optimizer_cases():
    rows = [
        ({'kind': 'sgd'}, torch.optim.SGD, {}),
        ({'kind': 'sgd', 'weightDecay': 0.1}, torch.optim.SGD, {'weight_decay': 0.1}),
        ({'kind': 'sgd', 'momentum': 0.9}, torch.optim.SGD, {'momentum': 0.9}),
        ({'kind': 'sgd', 'momentum': 0.9, 'nesterov': True, 'weightDecay': 0.01}, torch.optim.SGD,
         {'momentum': 0.9, 'nesterov': True, 'weight_decay': 0.01}),
        ({'kind': 'adam'}, torch.optim.Adam, {}),
        ({'kind': 'adam', 'betas': [0.8, 0.95], 'eps': 1e-4, 'weightDecay': 0.1}, torch.optim.Adam,
         {'betas': (0.8, 0.95), 'eps': 1e-4, 'weight_decay': 0.1}),
        ({'kind': 'adamw'}, torch.optim.AdamW, {}),
        ({'kind': 'adamw', 'weightDecay': 0.3}, torch.optim.AdamW, {'weight_decay': 0.3}),
        ({'kind': 'sgd', 'momentum': 0.9, 'maxGradNorm': 0.5}, torch.optim.SGD, {'momentum': 0.9}),
        ({'kind': 'adam', 'maxGradNorm': 0.1}, torch.optim.Adam, {}),
        ({'kind': 'sgd', 'maxGradNorm': 1e3}, torch.optim.SGD, {}),
    ]
    cases = []
    for spec, make, options in rows:
        model = fill(nn.Sequential(nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 5)))
        optimizer = make(model.parameters(), lr=0.05, **options)
        losses, norms = [], []
        for step in range(3):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(numbers(60 + step, (8, 12), 2.0)), labels(8, 5))
            loss.backward()
            losses.append(digits(loss.item()))
            if 'maxGradNorm' in spec:
                norms.append(digits(nn.utils.clip_grad_norm_(model.parameters(), spec['maxGradNorm']).item()))
            optimizer.step()
        state = {k: whole(v) for k, v in model.state_dict().items()}
        cases.append({'spec': spec, 'losses': losses, 'norms': norms, 'parameters': state})
    write('optimizers', {'lr': 0.05, 'cases': cases})


def linear_cases():
    """f(x) = Wx + b: six steps of gradient descent with momentum on a loss plus l2 * sum(W ** 2), the rate divided by ten after three."""
    rows = [
        ({'loss': 'hinge', 'l2': 0.01, 'momentum': 0.9}, 1.0),
        ({'loss': 'hinge', 'margin': 0.5, 'l2': 0.0, 'momentum': 0.0}, 0.5),
        ({'loss': 'softmax', 'l2': 0.1, 'momentum': 0.9}, None),
        ({'loss': 'softmax', 'l2': 0.0, 'momentum': 0.5}, None),
    ]
    cases = []
    for options, margin in rows:
        model = fill(nn.Linear(27, 5))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=options['momentum'])
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.1)
        losses, data_losses, rates = [], [], []
        for step in range(6):
            optimizer.zero_grad()
            scores, target = model(numbers(70 + step, (8, 27), 2.0)), labels(8, 5)
            # PyTorch divides the hinge loss by the number of classes.
            data = F.cross_entropy(scores, target) if margin is None else 5 * F.multi_margin_loss(scores, target, margin=margin)
            loss = data + options['l2'] * (model.weight ** 2).sum()
            loss.backward()
            losses.append(digits(loss.item()))
            data_losses.append(digits(data.item()))
            rates.append(digits(optimizer.param_groups[0]['lr']))
            optimizer.step()
            schedule.step()
        cases.append({'options': options, 'losses': losses, 'dataLosses': data_losses, 'rates': rates,
                      'parameters': {k: whole(v) for k, v in model.state_dict().items()}})
    write('linear', {'cases': cases})


def schedule_cases():
    from torch.optim.lr_scheduler import ChainedScheduler, CosineAnnealingLR, LinearLR, StepLR

    def run(make, count):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
        schedule = make(optimizer)
        rates = []
        for _ in range(count):
            rates.append(digits(optimizer.param_groups[0]['lr']))
            optimizer.step()
            schedule.step()
        return rates

    linear = lambda o: LinearLR(o, start_factor=0.25, total_iters=4)
    write('schedules', {
        'baseLr': 0.1,
        'step': run(lambda o: StepLR(o, 3, 0.2), 10),
        'cosine': run(lambda o: CosineAnnealingLR(o, 10), 10),
        'cosineMin': run(lambda o: CosineAnnealingLR(o, 8, 0.01), 9),
        'warmup': run(linear, 8),
        'warmupStep': run(lambda o: ChainedScheduler([linear(o), StepLR(o, 3, 0.5)]), 10),
    })


if __name__ == '__main__':
    model_case('course-cnn', CourseCnn(), (4, 1, 28, 28), 10)
    model_case('small-net', SmallNet(), (3, 4, 11, 9), 5)
    loss_cases()
    optimizer_cases()
    linear_cases()
    schedule_cases()
