"""Writes knn.golden.json beside this file. Run: /usr/bin/python3 test/golden/make_knn_golden.py <folder> (needs scikit-learn and PIL;
1.2.1 made the stored one). The folder has CIFAR-10's pictures in train/<class> and test/<class>.

For every metric and k: how many test pictures scikit-learn gets right with its own rule for equal votes (the lowest class), and how many
with Fovea's (the class of the nearest neighbour), from scikit-learn's neighbours; and a checksum of the first of those neighbours.
"""
import json
import pathlib
import sys

import numpy as np
import sklearn
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

folder = pathlib.Path(sys.argv[1])
classes = sorted(p.name for p in (folder / 'train').iterdir())


def read(part):
    files = [(f, label) for label, name in enumerate(classes) for f in sorted((folder / part / name).iterdir())]
    x = np.stack([np.asarray(Image.open(f).convert('RGB')).transpose(2, 0, 1).ravel() for f, _ in files])
    return x.astype(np.float64), np.array([label for _, label in files])


def nearest_of_equals(votes):
    counts = np.bincount(votes, minlength=len(classes))
    return next(v for v in votes if counts[v] == counts.max())


x, y = read('train')
queries, truth = read('test')
result = {'sklearn': sklearn.__version__, 'train': len(x), 'test': len(queries), 'metrics': {}}
for name, metric in [('l2', 'euclidean'), ('cosine', 'cosine'), ('l1', 'manhattan')]:
    model = KNeighborsClassifier(20, algorithm='brute', metric=metric).fit(x, y)
    near = model.kneighbors(queries, return_distance=False)
    rows = {}
    for k in (1, 3, 5, 10, 20):
        votes = y[near[:, :k]]
        lowest = np.array([np.bincount(v, minlength=len(classes)).argmax() for v in votes])
        if name == 'l2':
            assert (KNeighborsClassifier(k, algorithm='brute', metric=metric).fit(x, y).predict(queries) == lowest).all()
        own = np.array([nearest_of_equals(v) for v in votes])
        rows[str(k)] = {'sklearn': int((lowest == truth).sum()), 'nearestOfEquals': int((own == truth).sum())}
    result['metrics'][name] = {'right': rows, 'firstNeighbours': int((near[:, 0].astype(np.int64) * (np.arange(len(near)) + 1)).sum() % 2147483647)}
    print(name, result['metrics'][name], flush=True)
(pathlib.Path(__file__).parent / 'knn.golden.json').write_text(json.dumps(result, indent=1) + '\n')
