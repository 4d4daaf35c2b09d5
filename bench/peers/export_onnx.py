"""Writes one of torchvision's networks for ONNX Runtime: `export_onnx.py <name> <size px> <file>`."""
import sys
import warnings

import torch
import torchvision

name, size, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
warnings.filterwarnings('ignore')
torch.manual_seed(0)
net = getattr(torchvision.models, name)().eval()
x = torch.rand(1, 3, size, size)
torch.onnx.export(net, x, file, opset_version=13, input_names=['x'], output_names=['y'], dynamic_axes={'x': {0: 'n'}, 'y': {0: 'n'}})
