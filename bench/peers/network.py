"""One of torchvision's networks: `network.py <name> <size px>`; answers {"kind": "train", "batch", "steps", "threads"} with {medianMs, peakMiB}."""
import json
import re
import statistics
import sys
import time
import warnings

import torch
import torchvision

name, size = sys.argv[1], int(sys.argv[2])
warnings.filterwarnings('ignore')
torch.manual_seed(0)
net = getattr(torchvision.models, name)()
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
loss_of = torch.nn.CrossEntropyLoss()


def train_step(x, target):
    optimizer.zero_grad()
    output = net(x)
    # Inception's auxiliary head, weighed as torchvision's own training script does.
    loss = loss_of(output[0], target) + 0.4 * loss_of(output[1], target) if isinstance(output, tuple) else loss_of(output, target)
    loss.backward()
    optimizer.step()


def peak_mib():
    with open('/proc/self/status') as status:
        return int(re.search(r'VmHWM:\s+(\d+)', status.read()).group(1)) / 1024


print(json.dumps({'ready': True}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    torch.set_num_threads(order['threads'])
    x = torch.rand(order['batch'], 3, size, size)
    target = torch.arange(order['batch'])
    took = []
    for _ in range(order['steps']):
        start = time.perf_counter()
        train_step(x, target)
        took.append(1000 * (time.perf_counter() - start))
    print(json.dumps({'medianMs': statistics.median(took), 'peakMiB': peak_mib()}), flush=True)
