"""The course's project 1 in PyTorch: 3 epochs of MNIST at batch 64 with Adam 1e-3, all test images every 100 batches.

Usage: mnist_project1.py <folder of IDX files> <threads> <pictures|tensors> [epochs]: torchvision's data set as the course uses it, or tensors
in memory. Writes its progress and, last, `{"seconds": …, "testAccuracy": …}`.
"""
import json
import sys
import time

import torch
from torch.utils.data import DataLoader

from course import mnist_pictures, mnist_tensors, network

folder, threads = sys.argv[1], int(sys.argv[2])
mnist = {'pictures': mnist_pictures, 'tensors': mnist_tensors}[sys.argv[3]]
epochs = int(sys.argv[4]) if len(sys.argv) > 4 else 3
torch.set_num_threads(threads)
torch.manual_seed(0)
start = time.perf_counter()
train_set, test_set = mnist(folder, train=True), mnist(folder, train=False)
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=64)
net = network()
loss_of = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)


def correct(output, target):
    return (output.argmax(1) == target).sum().item()


def evaluate():
    net.eval()
    with torch.no_grad():
        right = sum(correct(net(x), target) for x, target in test_loader)
    net.train()
    return right / len(test_set)


for epoch in range(epochs):
    right = seen = 0
    for i, (x, target) in enumerate(train_loader):
        output = net(x)
        loss = loss_of(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right += correct(output, target)
        seen += len(target)
        if i % 100 == 0:
            accuracy = evaluate()
            print(f'epoch {epoch} [{i * 64}/{len(train_set)}] loss {loss.item():.4f} train {right / seen:.4f} test {accuracy:.4f}', flush=True)
accuracy = evaluate()
print(json.dumps({'seconds': time.perf_counter() - start, 'testAccuracy': accuracy}))
