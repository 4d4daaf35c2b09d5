"""Times torchvision's loader on the course's training list.

Usage: loader.py <train folder>. Each line on standard input, one wish, is answered by one on standard output: the mean time of the parts of a picture in one thread,
or what a DataLoader with so many worker processes (0: this one) yields at batch 8:

    {"kind": "parts", "images": 48}                  {"decodeMs": ..., "allMs": ...}
    {"kind": "loader", "workers": 1, "images": 200}  {"imagesPerSecond": ...}
"""
import json
import sys
import time

import torch
import torchvision.transforms as T
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import default_loader

torch.set_num_threads(1)
train = T.Compose([
    T.RandomRotation(45), T.CenterCrop(224), T.RandomHorizontalFlip(p=0.5), T.RandomVerticalFlip(p=0.5),
    T.ColorJitter(brightness=0.2, contrast=0.1, saturation=0.1, hue=0.1), T.RandomGrayscale(p=0.025),
    T.ToTensor(), T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
])
dataset = ImageFolder(sys.argv[1], train)


def answer(value):
    print(json.dumps(value), flush=True)


def parts(images):
    files = [dataset.samples[i * len(dataset) // images][0] for i in range(images)]
    decode = whole = 0.0
    for file in files:
        start = time.perf_counter()
        picture = default_loader(file)
        decode += time.perf_counter() - start
        train(picture)
        whole += time.perf_counter() - start
    return {'decodeMs': 1000 * decode / images, 'allMs': 1000 * whole / images}


def loader(workers, images):
    batches = torch.utils.data.DataLoader(dataset, batch_size=8, shuffle=True, num_workers=workers, persistent_workers=workers > 0, drop_last=True)
    seen = 0
    for _ in batches:
        break  # Starting the processes is not timed.
    start = time.perf_counter()
    while seen < images:
        for x, _ in batches:
            seen += len(x)
            if seen >= images:
                break
    return {'imagesPerSecond': seen / (time.perf_counter() - start)}


answer({'torchvision': __import__('torchvision').__version__})
for line in sys.stdin:
    wish = json.loads(line)
    answer(parts(wish['images']) if wish['kind'] == 'parts' else loader(wish['workers'], wish['images']))
