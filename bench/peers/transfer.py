"""The course's project 2 in PyTorch: SqueezeNet with trained weights, all but a new head frozen, on a folder of flowers.

Usage: transfer.py <folder with train and valid> <weights.pth> <epochs> <seed> <threads>. Last it writes
`{"imagesPerSecond": … (training phases), "accuracy": … (of the best epoch), "seconds": …}`.
"""
import copy
import json
import sys
import time

import torch
import torchvision
import torchvision.transforms as T

folder, weights, epochs, seed, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
torch.set_num_threads(threads)
torch.manual_seed(seed)
normalize = T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
transforms = {
    'train': T.Compose([
        T.RandomRotation(45), T.CenterCrop(224), T.RandomHorizontalFlip(p=0.5), T.RandomVerticalFlip(p=0.5),
        T.ColorJitter(brightness=0.2, contrast=0.1, saturation=0.1, hue=0.1), T.RandomGrayscale(p=0.025), T.ToTensor(), normalize,
    ]),
    'valid': T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(), normalize]),
}
sets = {phase: torchvision.datasets.ImageFolder(f'{folder}/{phase}', transforms[phase]) for phase in transforms}
loaders = {phase: torch.utils.data.DataLoader(sets[phase], batch_size=8, shuffle=True) for phase in sets}

net = torchvision.models.squeezenet1_0()
net.load_state_dict(torch.load(weights))
for parameter in net.parameters():
    parameter.requires_grad = False
classes = len(sets['train'].classes)
net.classifier[1] = torch.nn.Conv2d(512, classes, kernel_size=1)
net.num_classes = classes
optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
loss_of = torch.nn.CrossEntropyLoss()

start = time.perf_counter()
training = best = 0.0
for epoch in range(epochs):
    for phase in ('train', 'valid'):
        began = time.perf_counter()
        net.train(phase == 'train')
        right = 0
        for x, target in loaders[phase]:
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == 'train'):
                output = net(x)
                loss = loss_of(output, target)
                if phase == 'train':
                    loss.backward()
                    optimizer.step()
            right += (output.argmax(1) == target).sum().item()
        accuracy = right / len(sets[phase])
        if phase == 'train':
            training += time.perf_counter() - began
        elif accuracy > best:
            best, kept = accuracy, copy.deepcopy(net.state_dict())
    scheduler.step()
print(json.dumps({'imagesPerSecond': epochs * len(sets['train']) / training, 'accuracy': best, 'seconds': time.perf_counter() - start}))
