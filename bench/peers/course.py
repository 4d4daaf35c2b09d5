"""The course's network and MNIST from IDX files, for the peers that are measured against Fovea."""
import pathlib
import struct
import tempfile

import numpy
import torch
import torchvision


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


def mnist_pictures(folder, train):
    """MNIST as the course reads it: torchvision's data set, each picture made a tensor when it is asked for."""
    with tempfile.TemporaryDirectory() as root:
        raw = pathlib.Path(root, 'MNIST', 'raw')
        raw.parent.mkdir()
        raw.symlink_to(pathlib.Path(folder).resolve())
        return torchvision.datasets.MNIST(root, train=train, transform=torchvision.transforms.ToTensor())


def mnist_tensors(folder, train):
    """MNIST as tensors in memory: nothing is left to do for a picture when it is asked for."""
    split = 'train' if train else 't10k'
    images = torch.from_numpy(read_idx(f'{folder}/{split}-images-idx3-ubyte').copy())
    labels = torch.from_numpy(read_idx(f'{folder}/{split}-labels-idx1-ubyte').astype(numpy.int64))
    return torch.utils.data.TensorDataset(images.unsqueeze(1).float() / 255, labels)
