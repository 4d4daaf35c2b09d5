"""The course's network and MNIST from IDX files, for the peers that are measured against Fovea."""
import pathlib
import struct

import numpy
import torch


def network():
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )


def read_idx(path):
    raw = pathlib.Path(path).read_bytes()
    axes = raw[3]
    shape = struct.unpack(f'>{axes}I', raw[4:4 + 4 * axes])
    return numpy.frombuffer(raw, numpy.uint8, offset=4 + 4 * axes).reshape(shape)


def mnist(folder, split):
    """Images in 0..1 as `[N, 1, 28, 28]` and labels, in memory: no decoding while the clock runs."""
    images = torch.from_numpy(read_idx(f'{folder}/{split}-images-idx3-ubyte').copy())
    labels = torch.from_numpy(read_idx(f'{folder}/{split}-labels-idx1-ubyte').astype(numpy.int64))
    return torch.utils.data.TensorDataset(images.unsqueeze(1).float() / 255, labels)
