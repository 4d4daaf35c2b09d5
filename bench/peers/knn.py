"""scikit-learn's brute-force nearest neighbours over the same numbers: reads an order a line, answers a line."""
import json
import sys
import time

import numpy as np
import sklearn
from sklearn.neighbors import NearestNeighbors

folder, width, k = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rows = np.fromfile(f'{folder}/rows.f32', np.float32).reshape(-1, width)
queries = np.fromfile(f'{folder}/queries.f32', np.float32).reshape(-1, width)
print(json.dumps({'version': sklearn.__version__}), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    found = NearestNeighbors(n_neighbors=k, algorithm='brute', metric='euclidean').fit(rows).kneighbors(queries, return_distance=False)
    seconds = time.perf_counter() - start
    found.astype(np.int32).tofile(f'{folder}/peer.i32')
    print(json.dumps({'seconds': seconds}), flush=True)
