"""Writes transforms.golden.json beside this file. Run: /usr/bin/python3 test/golden/make_transforms_golden.py

Needs torch, torchvision and PIL; torchvision 0.14 with PIL 9.4 made the stored values. Every case is a list of steps as Fovea's pipelines draw them, what
torchvision's functions make of the same numbers, and how far Fovea may be off, in levels of 255. Pictures come from a formula:

    level(x, y, c) = (5*x + 3*(c + 1)*y + (mix(seed * 0x9e3779b9 + i) >> 26)) mod 256      i = 3*(y*width + x) + c

so that there are ramps, edges and noise. Where ../shared/data lies beside the project, photographs are added: the digest of their decoded pixels, and samples of
what the course's lists make of them.
"""
import base64
import hashlib
import json
import pathlib

import numpy as np
import torch
import torchvision.transforms as T
import torchvision.transforms.functional as F
from PIL import Image, ImageOps
from torchvision.transforms import InterpolationMode

from make_golden import mix

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent.parent.parent / 'shared' / 'data'
BILINEAR, BICUBIC, NEAREST = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC, InterpolationMode.NEAREST
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def picture(seed, width, height):
    i = np.arange(3 * width * height, dtype=np.uint64)
    noise = mix((i + np.uint64((seed * 0x9E3779B9) & 0xFFFFFFFF)) & np.uint64(0xFFFFFFFF)) >> np.uint32(26)
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing='ij')
    levels = (5 * x + 3 * (c + 1) * y + noise.reshape(height, width, 3)) % 256
    return Image.fromarray(levels.astype(np.uint8))


def apply(image, step):
    op = step['op']
    if op == 'resize':
        return F.resize(image, [step['height'], step['width']], {'bilinear': BILINEAR, 'bicubic': BICUBIC}[step['filter']])
    if op == 'crop':
        return F.crop(image, step['top'], step['left'], step['height'], step['width'])
    if op == 'pad':
        return F.pad(image, [step['left'], step['top'], step['right'], step['bottom']], tuple(step['fill']), step['mode'])
    if op == 'flip':
        return F.hflip(image) if step['axis'] == 'horizontal' else F.vflip(image)
    if op == 'rotate':
        interpolation = {'nearest': NEAREST, 'bilinear': BILINEAR}[step['interpolation']]
        return F.rotate(image, step['angle'], interpolation, center=step.get('center'), fill=step['fill'])
    if op in ('brightness', 'contrast', 'saturation', 'hue'):
        return getattr(F, f'adjust_{op}')(image, step['factor'])
    if op == 'grayscale':
        return F.to_grayscale(image, 3)
    if op == 'blur':
        return F.gaussian_blur(image, step['kernelSize'], [step['sigma'], step['sigma']])
    raise ValueError(op)


def resize(width, height, filter='bilinear'):
    return {'op': 'resize', 'width': width, 'height': height, 'filter': filter}


def rotate(angle, interpolation='nearest', fill=(0, 0, 0), **more):
    return {'op': 'rotate', 'angle': angle, 'interpolation': interpolation, 'fill': list(fill), **more}


def crop(left, top, width, height):
    return {'op': 'crop', 'left': left, 'top': top, 'width': width, 'height': height}


def pad(left, top, right, bottom, mode='constant', fill=(0, 0, 0)):
    return {'op': 'pad', 'left': left, 'top': top, 'right': right, 'bottom': bottom, 'mode': mode, 'fill': list(fill)}


def level(op, factor):
    return {'op': op, 'factor': factor}


FLIP_X, FLIP_Y = {'op': 'flip', 'axis': 'horizontal'}, {'op': 'flip', 'axis': 'vertical'}
GREY = {'op': 'grayscale'}

CASES = [
    ('resize smaller', (33, 41), 0, [resize(14, 17)]),
    ('resize larger', (13, 9), 0, [resize(31, 24)]),
    ('resize one axis', (33, 20), 0, [resize(33, 11)]),
    ('resize to a point', (33, 20), 0, [resize(1, 1)]),
    ('resize bicubic smaller', (33, 41), 0, [resize(14, 17, 'bicubic')]),
    ('resize bicubic larger', (13, 9), 0, [resize(31, 24, 'bicubic')]),
    ('resize then crop', (45, 37), 0, [resize(24, 20), crop(3, 5, 16, 13)]),
    ('crop then resize', (45, 37), 0, [crop(7, 4, 30, 22), resize(16, 16)]),
    ('flip, crop, resize, flip, pad', (45, 37), 0, [FLIP_X, crop(7, 4, 30, 22), resize(16, 14), FLIP_Y, pad(2, 1, 0, 3, fill=(9, 80, 200))]),
    ('pad then resize', (20, 17), 0, [pad(4, 0, 4, 0, fill=(255, 0, 90)), resize(15, 11)]),
    ('pad twice', (9, 7), 0, [pad(1, 2, 3, 1, fill=(10, 20, 30)), pad(2, 1, 1, 2, fill=(200, 100, 50))]),
    ('pad edge', (9, 7), 0, [pad(3, 2, 1, 4, 'edge')]),
    ('pad reflect', (9, 7), 0, [pad(3, 2, 1, 4, 'reflect')]),
    ('pad symmetric', (9, 7), 0, [pad(3, 2, 1, 4, 'symmetric')]),
    ('crop outside', (12, 10), 0, [crop(-2, -3, 10, 9)]),
    ('flips', (11, 8), 0, [FLIP_X, FLIP_Y]),
    ('rotate', (31, 27), 0, [rotate(33.7)]),
    ('rotate back', (30, 24), 0, [rotate(-17.3, fill=(12, 34, 56))]),
    ('rotate by 90', (20, 20), 0, [rotate(90)]),
    ('rotate by 90, not square', (23, 14), 0, [rotate(90)]),
    ('rotate by 180', (23, 14), 0, [rotate(180)]),
    ('rotate by 270', (17, 17), 0, [rotate(-90)]),
    ('rotate around a corner', (25, 21), 0, [rotate(20, center=[3, 5])]),
    ('rotate, crop, flip', (64, 50), 0, [rotate(-41.25), crop(20, 13, 24, 24), FLIP_X]),
    ('flip, rotate, crop, pad', (64, 50), 0, [FLIP_Y, rotate(12.5, fill=(7, 7, 7)), crop(2, 3, 24, 20), pad(1, 2, 3, 0, fill=(1, 2, 3))]),
    ('resize, rotate, crop', (64, 50), 0, [resize(40, 31), rotate(25), crop(8, 4, 24, 24)]),
    ('rotate, resize, crop', (64, 50), 0, [rotate(25), resize(40, 31), crop(8, 4, 24, 24)]),
    ('rotate twice', (30, 30), 0, [rotate(10), rotate(15)]),
    ('rotate bilinear', (31, 27), 1, [rotate(33.7, 'bilinear')]),
    ('rotate bilinear by 90', (19, 19), 1, [rotate(90, 'bilinear')]),
    ('rotate bilinear, crop, flip', (64, 50), 1, [rotate(-41.25, 'bilinear', (5, 6, 7)), crop(20, 13, 24, 24), FLIP_X]),
    ('brightness down', (16, 16), 0, [level('brightness', 0.37)]),
    ('brightness up', (16, 16), 0, [level('brightness', 1.83)]),
    ('brightness none', (16, 16), 0, [level('brightness', 0)]),
    ('contrast down', (16, 16), 0, [level('contrast', 0.37)]),
    ('contrast up', (16, 16), 0, [level('contrast', 1.83)]),
    ('saturation down', (24, 24), 0, [level('saturation', 0.37)]),
    ('saturation up', (24, 24), 0, [level('saturation', 1.83)]),
    ('saturation none', (16, 16), 0, [level('saturation', 0)]),
    ('hue up', (24, 24), 0, [level('hue', 0.0813)]),
    ('hue down', (24, 24), 0, [level('hue', -0.31)]),
    ('hue unchanged', (24, 24), 0, [level('hue', 0)]),
    ('hue opposite', (24, 24), 0, [level('hue', 0.5)]),
    ('grayscale', (16, 16), 0, [GREY]),
    ('grayscale, hue, saturation', (16, 16), 0, [GREY, level('hue', 0.2), level('saturation', 1.4)]),
    ('jitter, contrast first', (20, 20), 0, [level('contrast', 1.09), level('brightness', 0.9), level('hue', 0.05), level('saturation', 1.1)]),
    ('jitter, contrast last', (20, 20), 0, [level('saturation', 0.93), level('hue', -0.07), level('brightness', 1.17), level('contrast', 0.95)]),
    ('jitter, then grey', (20, 20), 0, [level('hue', 0.09), level('contrast', 0.91), level('brightness', 1.2), level('saturation', 1.05), GREY]),
    ('blur', (18, 15), 1, [{'op': 'blur', 'kernelSize': [5, 5], 'sigma': 1.3}]),
    ('blur, not square', (18, 15), 1, [{'op': 'blur', 'kernelSize': [7, 3], 'sigma': 0.6}]),
    ('jitter, blur, jitter', (18, 15), 2, [level('brightness', 0.8), {'op': 'blur', 'kernelSize': [3, 3], 'sigma': 1}, level('contrast', 1.2)]),
    ('colour between geometry', (40, 30), 0, [crop(3, 2, 30, 24), level('brightness', 1.1), resize(16, 16), level('contrast', 0.9)]),
]


def formula_cases():
    for seed, (name, (width, height), tolerance, steps) in enumerate(CASES, 1):
        image = picture(seed, width, height)
        for step in steps:
            image = apply(image, step)
        rgb = base64.b64encode(np.asarray(image.convert('RGB')).tobytes()).decode()
        yield {'name': name, 'picture': [seed, width, height], 'tolerance': tolerance, 'steps': steps, 'size': list(image.size), 'rgb': rgb}


# Transforms without random numbers, with torchvision's own rules for sizes.
FIXED = [
    ('Resize to the shorter side', (61, 40), [{'name': 'Resize', 'size': 23}], lambda: [T.Resize(23)]),
    ('Resize of a tall picture', (40, 61), [{'name': 'Resize', 'size': 23}], lambda: [T.Resize(23)]),
    ('Resize with maxSize', (90, 20), [{'name': 'Resize', 'size': 15, 'maxSize': 40}], lambda: [T.Resize(15, max_size=40)]),
    ('CenterCrop', (31, 24), [{'name': 'CenterCrop', 'size': 16}], lambda: [T.CenterCrop(16)]),
    ('CenterCrop of odd rests', (29, 19), [{'name': 'CenterCrop', 'size': [14, 16]}], lambda: [T.CenterCrop((14, 16))]),
    ('CenterCrop of a small picture', (13, 30), [{'name': 'CenterCrop', 'size': 20}], lambda: [T.CenterCrop(20)]),
    ('Resize and CenterCrop', (61, 40), [{'name': 'Resize', 'size': 23}, {'name': 'CenterCrop', 'size': 20}], lambda: [T.Resize(23), T.CenterCrop(20)]),
    ('Pad by sides', (10, 8), [{'name': 'Pad', 'padding': [1, 2], 'fill': 40}], lambda: [T.Pad([1, 2], 40)]),
    ('Pad, reflected', (10, 8), [{'name': 'Pad', 'padding': 3, 'paddingMode': 'reflect'}], lambda: [T.Pad(3, padding_mode='reflect')]),
    ('Grayscale', (12, 9), [{'name': 'Grayscale', 'numOutputChannels': 3}], lambda: [T.Grayscale(3)]),
    ('Grayscale, one channel', (12, 9), [{'name': 'Grayscale'}], lambda: [T.Grayscale()]),
]


def fixed_cases():
    for seed, (name, size, specs, transforms) in enumerate(FIXED, 1001):
        channels = 1 if name.endswith('one channel') else 3
        norm = [0.45], [0.22]
        mean, std = (MEAN, STD) if channels == 3 else norm
        tensor = T.Compose([*transforms(), T.ToTensor(), T.Normalize(mean, std)])(picture(seed, *size))
        specs = [*specs, {'name': 'ToTensor'}, {'name': 'Normalize', 'mean': mean, 'std': std}]
        values = base64.b64encode(tensor.numpy().astype('<f4').tobytes()).decode()
        yield {'name': name, 'picture': [seed, *size], 'specs': specs, 'shape': list(tensor.shape), 'values': values}


PHOTOS = [
    'flowers16/train/100/image_07912.jpg', 'flowers16/train/56/image_02848.jpg', 'hymenoptera_data/train/ants/275429470_b2d7d9290b.jpg',
    'hymenoptera_data/train/bees/1097045929_1753d1c765.jpg', 'imagenet/photos/n02328150_Angora.JPEG', 'imagenet/photos/n04532670_viaduct.JPEG',
    'cifar10/test/dog/0199.jpg',
]
JITTER = [level('contrast', 1.07), level('hue', -0.043), level('saturation', 0.93), level('brightness', 1.15)]


def photo_cases():
    for k, name in enumerate(PHOTOS):
        if not (DATA / name).exists():
            continue
        image = ImageOps.exif_transpose(Image.open(DATA / name)).convert('RGB')
        decoded = hashlib.sha256(np.asarray(image).tobytes()).hexdigest()
        case = {'file': name, 'size': list(image.size), 'sha256': decoded}
        if min(image.size) >= 224:
            left, top = (int(round((side - 224) / 2)) for side in image.size)
            steps = [rotate(-45 + 17.3 * k), crop(left, top, 224, 224), [FLIP_X, FLIP_Y][k % 2], *JITTER]
            augmented = image
            for step in steps:
                augmented = apply(augmented, step)
            valid = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(), T.Normalize(MEAN, STD)])(image)
            case['steps'] = steps
            case['train'] = np.asarray(augmented)[::32, ::32].flatten().tolist()
            case['trainSha256'] = hashlib.sha256(np.asarray(augmented).tobytes()).hexdigest()
            case['valid'] = [float(f'{v:.7g}') for v in valid[:, ::32, ::32].flatten().tolist()]
        yield case


if __name__ == '__main__':
    import PIL
    import torchvision

    torch.set_default_dtype(torch.float32)
    golden = {
        'made': f'torchvision {torchvision.__version__}, PIL {PIL.__version__}',
        'formula': list(formula_cases()),
        'fixed': list(fixed_cases()),
        'photos': list(photo_cases()),
    }
    lines = [f'"{key}": ' + (json.dumps(value) if key == 'made' else '[\n' + ',\n'.join(json.dumps(v) for v in value) + '\n]') for key, value in golden.items()]
    (HERE / 'transforms.golden.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')
