"""What PyTorch, Keras, Caffe and ONNX call attributes that several ops have. This file has no op of its own."""

from __future__ import annotations

KERNEL_SIZE = ("kernel_shape", "kernel", "pool_size", "filter_size", "size")
STRIDE = ("strides", "step")
PADDING = ("pads", "pad", "auto_pad", "padding_mode")
DILATION = ("dilations", "dilation_rate")
GROUPS = ("group", "num_groups")
CHANNELS = ("filters", "num_filters", "num_output", "channels")
BIAS = ("use_bias", "bias_term")
