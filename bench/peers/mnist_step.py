"""Times one training step of the course's network at batch 64.

Each line on standard input, `{"threads": 2, "steps": 50}`, is answered by one on standard output, `{"msPerStep": …}`, so that whoever
measures can take turns with this process. The first line written tells the version.
"""
import json
import sys
import time

import torch

from course import network

torch.manual_seed(0)
net = network()
loss_of = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
x = torch.rand(64, 1, 28, 28)
target = torch.randint(0, 10, (64,))


def step():
    optimizer.zero_grad()
    loss = loss_of(net(x), target)
    loss.backward()
    optimizer.step()


def answer(value):
    print(json.dumps(value), flush=True)


answer({'torch': torch.__version__})
for line in sys.stdin:
    wish = json.loads(line)
    torch.set_num_threads(wish['threads'])
    for _ in range(5):
        step()
    start = time.perf_counter()
    for _ in range(wish['steps']):
        step()
    answer({'msPerStep': (time.perf_counter() - start) * 1000 / wish['steps']})
