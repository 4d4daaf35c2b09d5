"""The course's project 1 in PyTorch for several seeds, without evaluations on the way and with tensors in memory: what chance decides.

Usage: mnist_seeds.py <folder of IDX files> <threads> <seed> ...; prints a JSON list of accuracies on the test images after 3 epochs.
"""
import json
import sys

import torch

from course import mnist_tensors, network

folder, threads, seeds = sys.argv[1], int(sys.argv[2]), [int(seed) for seed in sys.argv[3:]]
torch.set_num_threads(threads)
images, labels = mnist_tensors(folder, train=True).tensors
test_images, test_labels = mnist_tensors(folder, train=False).tensors
loss_of = torch.nn.CrossEntropyLoss()


def accuracy_after_training(seed):
    torch.manual_seed(seed)
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(3):
        for batch in torch.randperm(len(images)).split(64):
            loss = loss_of(net(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        guesses = torch.cat([net(part).argmax(1) for part in test_images.split(500)])
    return (guesses == test_labels).float().mean().item()


print(json.dumps([accuracy_after_training(seed) for seed in seeds]))
