"""Writes summary.golden.json. Run: /usr/bin/python3 test/golden/make_summary_golden.py (needs torchvision; 0.14 made the stored one).

Each of torchvision's models in evaluation on one black picture: its parameters, its multiply-adds (of convolutions and linear layers, counted by hooks),
and for some models every layer with parameters in the order of the calls: name, shape of the result, parameters.
"""
import json
import warnings
from math import prod
from pathlib import Path

import torch
from torch import nn
from torchvision import models

NAMES = ['alexnet', *[f'vgg{d}{bn}' for d in (11, 13, 16, 19) for bn in ('', '_bn')], *[f'resnet{d}' for d in (18, 34, 50, 101, 152)],
         'squeezenet1_0', 'squeezenet1_1', *[f'densenet{d}' for d in (121, 161, 169, 201)], 'inception_v3']
LISTED = ['alexnet', 'resnet18', 'squeezenet1_0', 'inception_v3']


def measure(name):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model = models.get_model(name, **({'init_weights': False} if name.startswith(('vgg', 'inception')) else {})).eval()
    rows, adds = [], 0

    def hook(path):
        def record(module, inputs, output):
            nonlocal adds
            rows.append([path, list(output.shape[1:]), sum(p.numel() for p in module.parameters())])
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                adds += prod(output.shape[1:]) * prod(module.weight.shape[1:])
        return record

    for path, module in model.named_modules():
        if not list(module.children()) and list(module.parameters()):
            module.register_forward_hook(hook(path))
    side = 299 if name == 'inception_v3' else 224
    with torch.no_grad():
        model(torch.zeros(1, 3, side, side))
    row = {'parameters': sum(p.numel() for p in model.parameters()), 'multiplyAdds': adds}
    return {**row, 'layers': rows} if name in LISTED else row


if __name__ == '__main__':
    torch.set_num_threads(1)
    text = json.dumps({name: measure(name) for name in NAMES}, separators=(',', ':'))
    Path(__file__).with_name('summary.golden.json').write_text(text.replace('},"', '},\n"') + '\n')
