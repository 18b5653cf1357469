"""Faults are planted in a sound text: each row has the first line of every problem that must be told, to the letter.

A row is a piece of the sound text, what stands there instead, and all that is told, as LINE:COLUMN: path: message.
"""

import json
import tomllib
from pathlib import Path

import pytest

from minigraph.ops import OPS as REGISTERED_OPS
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.metrics import METRICS
from minigraph.recipe.optimizers import SGD
from minigraph.recipe.schedules import SCHEDULES
from minigraph.recipe.settings import TrainSection, optimizers
from minigraph.wording import one_of
from tests.definition.test_reading import SOUND, told

SOUND_JSON = json.dumps(tomllib.loads(SOUND), indent=2) + "\n"

OPS = ", ".join(REGISTERED_OPS)
LOSS = one_of(LOSSES)
OPTIMIZER = one_of(optimizers())
TRAIN_KEYS = ", ".join(TrainSection.model_fields)
SGD_KEYS = ", ".join(["name", *SGD.model_fields])
CONV_KEYS = "op, inputs, trainable, share, init, kernel_size, out_channels, stride, padding, dilation, groups, bias"
NODE_KEYS = "op, inputs, trainable, share, init"
ANY_OP_KEYS = (
    f"{NODE_KEYS}, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, epsilon, momentum, "
    "axis, out_channels, groups, bias, output_padding, out_features, slope"
)
ROOT_KEYS = "schema_version, name, description, dtype, outputs, inputs, nodes, data, train"
PAIR = "expected an integer of at least 1, or two of them: [vertical, horizontal]"
PADDING = "expected an integer of at least 0, [vertical, horizontal], [top, left, bottom, right], 'valid' or 'same'"
NAME = "expected a name of 1 to 64 letters, digits and underscores that does not begin with a digit"
INITIALISER = "expected a number, an array of numbers, or a table with 'distribution' or 'scheme'"

TOML_FAULTS = [
    # The text
    (
        "schema_version = 1",
        "schema_version = 2",
        "1:18: schema_version: found 2; expected 1; this file was made for a newer minigraph: update "
        "minigraph to read it",
    ),
    ("schema_version = 1", "schema_version = 0", "1:18: schema_version: found 0; expected 1"),
    ("schema_version = 1\nname", "name", "1:1: schema_version: missing key 'schema_version': the format's version: 1"),
    ("schema_version = 1", "schema_version = 1.0", "1:18: schema_version: found 1.0 (a number); expected an integer"),
    (
        "schema_version = 1",
        "schema_version = true",
        "1:18: schema_version: found true (a boolean); expected an integer",
    ),
    (
        "kernel_size = 3\n",
        "kernel_size = \n",
        "11:15: the text is not TOML: no value; expected a number, true, false, a string in quotes, [an "
        "array] or { a = table }",
    ),
    (
        '"Conv"\ninputs = ["image"]',
        'Conv\ninputs = ["image"]',
        "9:6: the text is not TOML: no value; expected a number, true, false, a string in quotes, [an "
        "array] or { a = table }",
    ),
    (
        "steps = 20\n",
        "steps = 20\nsteps = 20\n",
        "30:1: the text is not TOML: a key that has a value already; expected each key once",
    ),
    (
        "steps = 20\n",
        "steps = 20\nseed = [1",
        "30:10: the text is not TOML: an array that is not closed; expected a comma or ]",
    ),
    ("[train]", "[data]", "26:1: the text is not TOML: [data] is given twice; expected each table once"),
    ('name = "small"', 'name = "small', "2:14: the text is not TOML: a string without its closing quote in this line"),
    ("steps = 20", "steps 20", "29:7: the text is not TOML: Expected '=' after a key in a key/value pair"),
    ("[train]", "[train", "26:7: the text is not TOML: Expected ']' at the end of a table declaration"),
    (
        "stride = 2",
        "stride = 2 padding = 1",
        "17:12: the text is not TOML: more in the line after a value; expected a line for each key, and text in quotes",
    ),
    (
        "kernel_size = 3\n",
        "kernel_size = [3, 3\n",
        "13:1: the text is not TOML: an array that is not closed; expected a comma or ]",
    ),
    (
        "init.bias = 0.0",
        "init = { bias = 0.0 }\ninit.kernel = 1.0",
        "19:1: the text is not TOML: 'nodes.conv2.init' is written in braces already; expected all its keys in there",
    ),
    (
        'name = "small"',
        'name = "sm\\xall"',
        "2:13: the text is not TOML: a backslash that stands for no letter; expected \\\\, or single quotes",
    ),
    (
        "stride = 2",
        "stride = {a = 1, a = 2}",
        "17:23: the text is not TOML: the key 'a' is given twice in one table; expected it once",
    ),
    (
        "stride = 2",
        "stride = 02",
        "17:11: the text is not TOML: more in the line after a value; expected a line for each key, and text in quotes",
    ),
    # Positions
    (
        'name = "small"',
        'name = "small"\ndescription = """\none\ntwo"""\nnmae = 1',
        f"6:1: nmae: unknown key 'nmae'; expected one of {ROOT_KEYS}; did you mean 'name'?",
    ),
    ('name = "small"', 'name = """\n2small"""', f"2:8: name: found '2small' (a string); {NAME}"),
    (
        "[nodes.conv1]\n",
        '[nodes]\nconv0.op = "ReLU"\nconv0.inputs = ["image"]\nconv0.slope = 1\n[nodes.conv1]\n',
        f"11:7: nodes.conv0.slope: unknown key 'slope'; expected one of {NODE_KEYS}",
    ),
    (
        "stride = 2",
        '"stri de" = 2',
        f"17:1: nodes.conv2.\"stri de\": unknown key 'stri de'; expected one of {CONV_KEYS}; did you mean 'stride'?",
    ),
    (
        "stride = 2",
        "'strde' = 2",
        f"17:1: nodes.conv2.strde: unknown key 'strde'; expected one of {CONV_KEYS}; did you mean 'stride'?",
    ),
    (
        '{ distribution = "normal", mean = 1.0 }',
        '{ distribution = "normal", maen = 1.0 }',
        "22:43: data.inputs.image.maen: unknown key 'maen'; expected one of distribution, mean, std; did "
        "you mean 'mean'?",
    ),
    (
        '"conv1.kernel" = 1.0',
        '"conv1.kernel" = [[1, 2, 3],\n  [4, nan, 6], [7, 8, 9]]',
        '23:26: data.teacher."conv1.kernel": found a number that is not finite; expected finite numbers',
    ),
    (
        "[nodes.conv1]",
        "[ nodes . 'con v1' ]",
        f"8:11: nodes.\"con v1\": found 'con v1' (a string); {NAME}",
        "15:11: nodes.conv2.inputs[0]: unknown input or node 'conv1'; expected one of image, conv2, con "
        "v1; did you mean 'con v1'?",
    ),
    (
        "[nodes.conv2]",
        "[nodes.conv1.kernel]",
        "3:12: outputs[0]: unknown node 'conv2'; expected conv1; did you mean 'conv1'?",
        f"13:14: nodes.conv1.kernel: unknown key 'kernel'; expected one of {CONV_KEYS}; here it is called "
        "'kernel_size'",
    ),
    # Keys
    (
        "[inputs.image]",
        "[input.image]",
        f"5:2: input: unknown key 'input'; expected one of {ROOT_KEYS}; here it is called 'inputs'",
    ),
    (
        'name = "small"',
        'nam = "small"',
        f"2:1: nam: unknown key 'nam'; expected one of {ROOT_KEYS}; did you mean 'name'?",
    ),
    (
        "outputs =",
        "output =",
        f"3:1: output: unknown key 'output'; expected one of {ROOT_KEYS}; did you mean 'outputs'?",
    ),
    ("[train]", "[trian]", f"26:2: trian: unknown key 'trian'; expected one of {ROOT_KEYS}; did you mean 'train'?"),
    (
        "[nodes.conv1]",
        "[node.conv1]",
        f"8:2: node: unknown key 'node'; expected one of {ROOT_KEYS}; did you mean 'nodes'?",
        "15:11: nodes.conv2.inputs[0]: unknown input or node 'conv1'; expected one of image, conv2; did "
        "you mean 'conv2'?",
    ),
    ('name = "small"\n', "", "1:1: name: missing key 'name': the graph's name"),
    ("shape = [9, 8]", "shape = [9, 8]\nsize = 3", "7:1: inputs.image.size: unknown key 'size'; expected shape"),
    (
        "[inputs.image]\nshape = [9, 8]",
        "[inputs.image]",
        "5:9: inputs.image.shape: missing key 'shape': [H, W] for one channel, or [C, H, W]",
    ),
    (
        "shape = [9, 8]",
        "shpae = [9, 8]",
        "6:1: inputs.image.shpae: unknown key 'shpae'; expected shape; did you mean 'shape'?",
    ),
    (
        "stride = 2",
        "strde = 2",
        f"17:1: nodes.conv2.strde: unknown key 'strde'; expected one of {CONV_KEYS}; did you mean 'stride'?",
    ),
    (
        "kernel_size = 3",
        "kernel_szie = 3",
        f"11:1: nodes.conv1.kernel_szie: unknown key 'kernel_szie'; expected one of {CONV_KEYS}; did you "
        "mean 'kernel_size'?",
    ),
    (
        "kernel_size = 3",
        "kernel_shape = 3",
        f"11:1: nodes.conv1.kernel_shape: unknown key 'kernel_shape'; expected one of {CONV_KEYS}; here it "
        "is called 'kernel_size'",
    ),
    (
        "kernel_size = 3",
        "kernel = 3",
        f"11:1: nodes.conv1.kernel: unknown key 'kernel'; expected one of {CONV_KEYS}; here it is called 'kernel_size'",
    ),
    (
        "stride = 2",
        "strides = 2",
        f"17:1: nodes.conv2.strides: unknown key 'strides'; expected one of {CONV_KEYS}; here it is called 'stride'",
    ),
    (
        "stride = 2",
        "pads = 2",
        f"17:1: nodes.conv2.pads: unknown key 'pads'; expected one of {CONV_KEYS}; here it is called 'padding'",
    ),
    (
        "stride = 2",
        "filters = 2",
        f"17:1: nodes.conv2.filters: unknown key 'filters'; expected one of {CONV_KEYS}; here it is called "
        "'out_channels'",
    ),
    (
        "stride = 2",
        "in_channels = 1",
        f"17:1: nodes.conv2.in_channels: unknown key 'in_channels'; expected one of {CONV_KEYS}; it follows "
        "from the inputs: leave it out",
    ),
    (
        "stride = 2",
        "dilation_rate = 1",
        f"17:1: nodes.conv2.dilation_rate: unknown key 'dilation_rate'; expected one of {CONV_KEYS}; here "
        "it is called 'dilation'",
    ),
    (
        "stride = 2",
        "group = 1",
        f"17:1: nodes.conv2.group: unknown key 'group'; expected one of {CONV_KEYS}; here it is called 'groups'",
    ),
    (
        "stride = 2",
        "use_bias = true",
        f"17:1: nodes.conv2.use_bias: unknown key 'use_bias'; expected one of {CONV_KEYS}; here it is called 'bias'",
    ),
    (
        "stride = 2",
        'activation = "relu"',
        f"17:1: nodes.conv2.activation: unknown key 'activation'; expected one of {CONV_KEYS}; an "
        'activation is a node of its own, such as op = "ReLU"',
    ),
    (
        "stride = 2",
        'kernel_initializer = "he_normal"',
        "17:1: nodes.conv2.kernel_initializer: unknown key 'kernel_initializer'; expected one of "
        f"{CONV_KEYS}; here it is called 'init'",
    ),
    ("stride = 2", "weight = 1", f"17:1: nodes.conv2.weight: unknown key 'weight'; expected one of {CONV_KEYS}"),
    (
        "learning_rate = 3e-5",
        "lr = 3e-5",
        f"28:29: train.optimizer.lr: unknown key 'lr'; expected one of {SGD_KEYS}; here it is called 'learning_rate'",
    ),
    (
        "learning_rate = 3e-5",
        "learning_rate = 3e-5, dampening = 0.9",
        f"28:51: train.optimizer.dampening: unknown key 'dampening'; expected one of {SGD_KEYS}",
    ),
    (
        "steps = 20",
        "iterations = 20",
        f"29:1: train.iterations: unknown key 'iterations'; expected one of {TRAIN_KEYS}; here it is called 'steps'",
    ),
    (
        "steps = 20",
        "steps = 20\nstep = 1",
        f"30:1: train.step: unknown key 'step'; expected one of {TRAIN_KEYS}; did you mean 'steps'?",
    ),
    (
        "[data]",
        '[nodes.flat]\nop = "Flatten"\ninputs = ["conv2"]\n[nodes.dense]\n'
        'op = "Dense"\ninputs = ["flat"]\nunits = 4\n\n[data]',
        f"26:1: nodes.dense.units: unknown key 'units'; expected one of {NODE_KEYS}, out_features, bias; "
        "here it is called 'out_features'",
    ),
    (
        "[data]",
        '[nodes.leak]\nop = "LeakyReLU"\ninputs = ["conv2"]\nnegative_slope = 0.1\n\n[data]',
        f"23:1: nodes.leak.negative_slope: unknown key 'negative_slope'; expected one of {NODE_KEYS}, "
        "slope; here it is called 'slope'",
    ),
    (
        "[data]",
        '[nodes.pool]\nop = "MaxPool"\ninputs = ["conv2"]\npool_size = 2\n\n[data]',
        f"23:1: nodes.pool.pool_size: unknown key 'pool_size'; expected one of {NODE_KEYS}, kernel_size, "
        "stride, padding, dilation, ceil_mode; here it is called 'kernel_size'",
    ),
    (
        "[data]",
        '[nodes.relu]\nop = "ReLU"\ninputs = ["conv2"]\ninplace = true\n\n[data]',
        f"23:1: nodes.relu.inplace: unknown key 'inplace'; expected one of {NODE_KEYS}",
    ),
    ('conv1]\nop = "Conv"', "conv1]", "8:8: nodes.conv1.op: missing key 'op': the op's name, such as \"Conv\""),
    (
        'op = "Conv"\ninputs = ["image"]',
        'type = "Conv"\ninputs = ["image"]',
        f"9:1: nodes.conv1.type: unknown key 'type'; expected one of {ANY_OP_KEYS}; here it is called 'op'",
    ),
    (
        '[nodes.conv1]\nop = "Conv"\ninputs = ["image"]',
        '[nodes.conv1]\nop = "Conv"',
        "8:8: nodes.conv1.inputs: missing key 'inputs': the names of inputs or nodes that it reads",
    ),
    (
        'inputs = ["image"]',
        'input = ["image"]',
        f"10:1: nodes.conv1.input: unknown key 'input'; expected one of {CONV_KEYS}; here it is called 'inputs'",
    ),
    (
        "kernel_size = 3\n",
        "",
        "8:8: nodes.conv1.kernel_size: missing key 'kernel_size': the kernel's size, an integer or "
        "[vertical, horizontal]",
    ),
    (
        '"Conv"\ninputs = ["image"]',
        '"Cnov"\ninputs = ["image"]',
        f"9:6: nodes.conv1.op: unknown op 'Cnov'; expected one of {OPS}; did you mean 'Conv'?",
    ),
    (
        '"Conv"\ninputs = ["image"]',
        '"Conv2d"\ninputs = ["image"]',
        f"9:6: nodes.conv1.op: unknown op 'Conv2d'; expected one of {OPS}; did you mean 'Conv'?",
    ),
    (
        '"Conv"\ninputs = ["image"]',
        '"Linear"\ninputs = ["image"]',
        f"9:6: nodes.conv1.op: unknown op 'Linear'; expected one of {OPS}; here it is called 'Dense'",
    ),
    (
        '"Conv"\ninputs = ["image"]\nkernel_size = 3',
        '"Scale"\ninputs = ["image"]\nfactor = 3',
        f"9:6: nodes.conv1.op: unknown op 'Scale'; expected one of {OPS}",
    ),
    (
        'op = "Conv"\ninputs = ["image"]',
        'kind = "Conv"\nfrom = ["image"]',
        f"9:1: nodes.conv1.kind: unknown key 'kind'; expected one of {ANY_OP_KEYS}; here it is called 'op'",
        f"10:1: nodes.conv1.from: unknown key 'from'; expected one of {ANY_OP_KEYS}; here it is called 'inputs'",
    ),
    (
        'source = "teacher"\n',
        "",
        "20:2: data.source: missing key 'source': teacher: the targets are the graph's answers with the "
        "teacher's parameters; file: they are read",
    ),
    ("steps = 20\n", "", "26:2: train.steps: missing key 'steps': how many updates; or 'epochs'"),
    ('name = "sgd", ', "", f"28:13: train.optimizer.name: missing key 'name'; expected {OPTIMIZER}"),
    (
        'loss = "sse"',
        'los = "sse"',
        f"27:1: train.los: unknown key 'los'; expected one of {TRAIN_KEYS}; did you mean 'loss'?",
    ),
    (
        "steps = 20",
        "steps = 20\nepochs = 2",
        "30:1: train.epochs: found 'epochs' beside 'steps'; expected one or the other",
    ),
    (
        "steps = 20",
        "steps = 20\nloss_weights = { conv3 = 1.0 }",
        "30:18: train.loss_weights.conv3: unknown output 'conv3'; expected conv2; did you mean 'conv2'?",
    ),
    (
        "steps = 20",
        'steps = 20\nschedule = { name = "cosin" }',
        f"30:21: train.schedule.name: unknown schedule 'cosin'; expected {one_of(SCHEDULES)}; did you mean 'cosine'?",
    ),
    (
        "steps = 20",
        'steps = 20\nmetrics = ["mae", "acuracy"]',
        f"30:19: train.metrics[1]: unknown metric 'acuracy'; expected {one_of(METRICS)}; did you mean 'accuracy'?",
    ),
    (
        'loss = "sse"',
        'loss = { name = "huber", dleta = 0.5 }',
        "27:26: train.loss.dleta: unknown key 'dleta'; expected one of name, delta; did you mean 'delta'?",
    ),
    (
        'source = "teacher"',
        'source = "teacher"\nsplit = { validation = 0.5, test = 0.6 }',
        "22:36: data.split.test: found 0.6 (a number); expected shares of less than 1 together",
    ),
    # Types
    ('name = "small"', 'name = "2small"', f"2:8: name: found '2small' (a string); {NAME}"),
    ('name = "small"', "name = 3", "2:8: name: found 3 (an integer); expected a string"),
    (
        'name = "small"',
        'name = "small"\ndtype = "float46"',
        "3:9: dtype: found 'float46' (a string); expected one of float64, float32; did you mean 'float64'?",
    ),
    (
        'name = "small"',
        'name = "small"\ndtype = 32',
        "3:9: dtype: found 32 (an integer); expected one of float64, float32",
    ),
    ('name = "small"', 'name = "small"\ndescription = 3', "3:15: description: found 3 (an integer); expected a string"),
    (
        'outputs = ["conv2"]',
        'outputs = "conv2"',
        "3:11: outputs: found 'conv2' (a string); expected an array, such as [\"conv2\"]",
    ),
    ('["conv2"]', "[3]", "3:12: outputs[0]: found 3 (an integer); expected a string"),
    (
        "shape = [9, 8]",
        "shape = [9]",
        "6:9: inputs.image.shape: found [9] (an array); expected [H, W] or [C, H, W], each at least 1",
    ),
    (
        "shape = [9, 8]",
        "shape = [9, 0]",
        "6:9: inputs.image.shape: found [9, 0] (an array); expected [H, W] or [C, H, W], each at least 1",
    ),
    (
        "shape = [9, 8]",
        "shape = [9, 8.0]",
        "6:9: inputs.image.shape: found [9, 8.0] (an array); expected [H, W] or [C, H, W], each at least 1",
    ),
    (
        "shape = [9, 8]",
        "shape = 9",
        "6:9: inputs.image.shape: found 9 (an integer); expected [H, W] or [C, H, W], each at least 1",
    ),
    (
        "shape = [9, 8]",
        "shape = [1, 1, 9, 8]",
        "6:9: inputs.image.shape: found [1, 1, 9, 8] (an array); expected [H, W] or [C, H, W], each at least 1",
    ),
    (
        "[inputs.image]\nshape = [9, 8]",
        "[inputs]\nimage = [9, 8]",
        "6:9: inputs.image: found [9, 8] (an array); expected a table",
    ),
    ("stride = 2", "stride = true", f"17:10: nodes.conv2.stride: found true (a boolean); {PAIR}"),
    ("stride = 2", "stride = 2.0", f"17:10: nodes.conv2.stride: found 2.0 (a number); {PAIR}"),
    ("stride = 2", 'stride = "2"', f"17:10: nodes.conv2.stride: found '2' (a string); {PAIR}"),
    ("stride = 2", "stride = [1, 2, 3]", f"17:10: nodes.conv2.stride: found [1, 2, 3] (an array); {PAIR}"),
    ("stride = 2", "stride = [1, 2.0]", f"17:10: nodes.conv2.stride: found [1, 2.0] (an array); {PAIR}"),
    ("stride = 2", "stride = [[1, 2]]", f"17:10: nodes.conv2.stride: found [[1, 2]] (an array); {PAIR}"),
    ("stride = 2", "stride = { vertical = 2 }", f"17:10: nodes.conv2.stride: found a table with vertical; {PAIR}"),
    ("stride = 2", "stride = inf", f"17:10: nodes.conv2.stride: found inf (a number); {PAIR}"),
    ("stride = 2", "stride = 1979-05-27", f"17:10: nodes.conv2.stride: found 1979-05-27 (date); {PAIR}"),
    ("stride = 2", 'padding = "sane"', f"17:11: nodes.conv2.padding: found 'sane' (a string); {PADDING}"),
    ("stride = 2", "padding = [1, 2, 3]", f"17:11: nodes.conv2.padding: found [1, 2, 3] (an array); {PADDING}"),
    ("stride = 2", "bias = 0", "17:8: nodes.conv2.bias: found 0 (an integer); expected true or false"),
    ("stride = 2", "trainable = 1", "17:13: nodes.conv2.trainable: found 1 (an integer); expected true or false"),
    (
        "stride = 2",
        "out_channels = 2.0",
        "17:16: nodes.conv2.out_channels: found 2.0 (a number); expected an integer of at least 1",
    ),
    (
        "stride = 2",
        'out_channels = "2"',
        "17:16: nodes.conv2.out_channels: found '2' (a string); expected an integer of at least 1",
    ),
    (
        "stride = 2",
        "out_channels = true",
        "17:16: nodes.conv2.out_channels: found true (a boolean); expected an integer of at least 1",
    ),
    (
        "stride = 2",
        "out_channels = [2]",
        "17:16: nodes.conv2.out_channels: found [2] (an array); expected an integer of at least 1",
    ),
    (
        'inputs = ["image"]',
        'inputs = "image"',
        "10:10: nodes.conv1.inputs: found 'image' (a string); expected an array, such as [\"image\"]",
    ),
    ('inputs = ["image"]', "inputs = [3]", "10:11: nodes.conv1.inputs[0]: found 3 (an integer); expected a string"),
    (
        'inputs = ["image"]',
        'inputs = [["image"]]',
        "10:11: nodes.conv1.inputs[0]: found [image] (an array); expected a string",
    ),
    (
        '"Conv"\ninputs = ["image"]',
        '3\ninputs = ["image"]',
        "9:6: nodes.conv1.op: found 3 (an integer); expected a string",
    ),
    (
        "[nodes.conv1]",
        "[nodes]\nspare = 3\n[nodes.conv1]",
        "9:9: nodes.spare: found 3 (an integer); expected a table with 'op' and 'inputs'",
    ),
    ("init.bias = 0.0", "init = 0.0", "18:8: nodes.conv2.init: found 0.0 (a number); expected a table"),
    ("init.bias = 0.0", 'init.bias = "0"', f"18:13: nodes.conv2.init.bias: found '0' (a string); {INITIALISER}"),
    ("init.bias = 0.0", "init.bias = true", f"18:13: nodes.conv2.init.bias: found true (a boolean); {INITIALISER}"),
    (
        "init.bias = 0.0",
        "init.bias = nan",
        "18:13: nodes.conv2.init.bias: found a number that is not finite; expected finite numbers",
    ),
    ("init.bias = 0.0", "init.bias = []", f"18:13: nodes.conv2.init.bias: found [] (an array); {INITIALISER}"),
    ("init.bias = 0.0", "init.bias = [true]", f"18:13: nodes.conv2.init.bias: found [true] (an array); {INITIALISER}"),
    ("init.bias = 0.0", 'share = ["conv1"]', "18:9: nodes.conv2.share: found [conv1] (an array); expected a string"),
    (
        '"sgd", learning_rate = 3e-5',
        '"sgd", learning_rate = "3e-5"',
        "28:45: train.optimizer.learning_rate: found '3e-5' (a string); expected a number above 0",
    ),
    (
        "learning_rate = 3e-5",
        "learning_rate = inf",
        "28:45: train.optimizer.learning_rate: found inf (a number); expected a finite number above 0",
    ),
    (
        '{ name = "sgd", learning_rate = 3e-5 }',
        '"sgd"',
        f"28:13: train.optimizer: found 'sgd' (a string); expected a table with the key 'name' ({OPTIMIZER})",
    ),
    ("steps = 20", "steps = 1.5", "29:9: train.steps: found 1.5 (a number); expected an integer of at least 1"),
    ("steps = 20", "steps = true", "29:9: train.steps: found true (a boolean); expected an integer of at least 1"),
    ("mean = 1.0", 'mean = "1"', "22:50: data.inputs.image.mean: found '1' (a string); expected a number"),
    ("mean = 1.0", "mean = nan", "22:50: data.inputs.image.mean: found nan (a number); expected a finite number"),
    ('loss = "sse"', "loss = 1", f"27:8: train.loss: found 1 (an integer); expected {LOSS}"),
    (
        '{ distribution = "normal", mean = 1.0 }',
        "1.0",
        "22:16: data.inputs.image: found 1.0 (a number); expected a table with 'file' or 'distribution', or an "
        "array of numbers",
    ),
    (
        '{ distribution = "normal", mean = 1.0 }',
        "{}",
        "22:16: data.inputs.image: found an empty table; expected a table with 'file' or 'distribution', or an "
        "array of numbers",
    ),
    ('source = "teacher"', 'source = "file"\nfile = 3', "22:8: data.file: found 3 (an integer); expected a string"),
    # Ranges
    ("stride = 2", "stride = 0", f"17:10: nodes.conv2.stride: found 0 (an integer); {PAIR}"),
    ("stride = 2", "stride = -1", f"17:10: nodes.conv2.stride: found -1 (an integer); {PAIR}"),
    ("stride = 2", "padding = -1", f"17:11: nodes.conv2.padding: found -1 (an integer); {PADDING}"),
    (
        "stride = 2",
        "out_channels = 0",
        "17:16: nodes.conv2.out_channels: found 0 (an integer); expected an integer of at least 1",
    ),
    (
        "stride = 2",
        "groups = -2",
        "17:10: nodes.conv2.groups: found -2 (an integer); expected an integer of at least 1",
    ),
    ("steps = 20", "steps = 0", "29:9: train.steps: found 0 (an integer); expected an integer of at least 1"),
    (
        "steps = 20",
        "steps = 20\nseed = -1",
        "30:8: train.seed: found -1 (an integer); expected an integer of at least 0",
    ),
    (
        "steps = 20",
        "steps = 20\nlog_every = 0",
        "30:13: train.log_every: found 0 (an integer); expected an integer of at least 1",
    ),
    (
        "learning_rate = 3e-5",
        "learning_rate = 0",
        "28:45: train.optimizer.learning_rate: found 0 (an integer); expected a number above 0",
    ),
    (
        "learning_rate = 3e-5",
        "learning_rate = -0.1",
        "28:45: train.optimizer.learning_rate: found -0.1 (a number); expected a number above 0",
    ),
    (
        "mean = 1.0",
        "std = -1.0",
        "22:49: data.inputs.image.std: found -1.0 (a number); expected a number of at least 0",
    ),
    (
        'distribution = "normal", mean = 1.0',
        'distribution = "uniform", low = 2.0, high = 1.0',
        "22:62: data.inputs.image.high: found 1.0 (a number) beside low = 2.0; expected a number of at least low",
    ),
    (
        'source = "teacher"',
        'source = "teacher"\nsamples = 0',
        "22:11: data.samples: found 0 (an integer); expected an integer of at least 1",
    ),
    (
        "[data]",
        '[nodes.norm]\nop = "BatchNorm"\ninputs = ["conv2"]\nmomentum = 1.5\n\n[data]',
        "23:12: nodes.norm.momentum: found 1.5 (a number); expected a number of at least 0 and of at most 1",
    ),
    (
        "[data]",
        '[nodes.norm]\nop = "BatchNorm"\ninputs = ["conv2"]\nepsilon = 0\n\n[data]',
        "23:11: nodes.norm.epsilon: found 0 (an integer); expected a number above 0",
    ),
    (
        'name = "small"',
        'name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"',
        f"2:8: name: found 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' (a string); {NAME}",
    ),
    # Names
    (
        "[nodes.conv1]",
        "[nodes.1conv]",
        f"8:8: nodes.1conv: found '1conv' (a string); {NAME}",
        "15:11: nodes.conv2.inputs[0]: unknown input or node 'conv1'; expected one of image, conv2, 1conv; "
        "did you mean 'conv2'?",
    ),
    (
        "[nodes.conv1]",
        '[nodes."a.b"]',
        f"8:8: nodes.\"a.b\": found 'a.b' (a string); {NAME}",
        "15:11: nodes.conv2.inputs[0]: unknown input or node 'conv1'; expected one of image, conv2, a.b; "
        "did you mean 'conv2'?",
    ),
    (
        "[nodes.conv1]",
        "[nodes.conv-1]",
        f"8:8: nodes.conv-1: found 'conv-1' (a string); {NAME}",
        "15:11: nodes.conv2.inputs[0]: unknown input or node 'conv1'; expected one of image, conv2, "
        "conv-1; did you mean 'conv-1'?",
    ),
    (
        "[inputs.image]",
        "[inputs.2d]",
        f"5:9: inputs.2d: found '2d' (a string); {NAME}",
        "10:11: nodes.conv1.inputs[0]: unknown input or node 'image'; expected one of 2d, conv1, conv2",
    ),
    (
        "[nodes.conv1]",
        "[nodes.image]",
        "8:8: nodes.image: 'image' is already an input; expected a new name",
        "15:11: nodes.conv2.inputs[0]: unknown input or node 'conv1'; expected one of image, conv2; did "
        "you mean 'conv2'?",
    ),
    # Graph
    (
        '["conv2"]\n\n',
        '["conv9"]\n\n',
        "3:12: outputs[0]: unknown node 'conv9'; expected one of conv1, conv2; did you mean 'conv2'?",
    ),
    (
        '["conv2"]\n\n',
        '["conv2", "image"]\n\n',
        "3:21: outputs[1]: 'image' is an input, only a node can be an output; expected one of conv1, conv2",
    ),
    (
        '["conv2"]\n\n',
        '["conv2", "conv2"]\n\n',
        "3:21: outputs[1]: 'conv2' is an output already; expected each output once",
    ),
    (
        'outputs = ["conv2"]\n\n',
        "outputs = []\n\n",
        "3:1: outputs: the graph has no output; expected at least one node",
    ),
    (
        'outputs = ["conv2"]\n\n',
        "",
        "1:1: outputs: missing key 'outputs': the names of the nodes whose values are the answer",
    ),
    (
        'inputs = ["image"]',
        'inputs = ["imge"]',
        "10:11: nodes.conv1.inputs[0]: unknown input or node 'imge'; expected one of image, conv1, conv2; "
        "did you mean 'image'?",
    ),
    ('inputs = ["image"]', "inputs = []", "10:10: nodes.conv1.inputs: found 0 inputs; expected 1 for Conv"),
    (
        'inputs = ["image"]',
        'inputs = ["image", "image"]',
        "10:10: nodes.conv1.inputs: found 2 inputs; expected 1 for Conv",
    ),
    (
        'inputs = ["image"]',
        'inputs = ["Image"]',
        "10:11: nodes.conv1.inputs[0]: unknown input or node 'Image'; expected one of image, conv1, conv2; "
        "did you mean 'image'?",
    ),
    (
        '["image"]',
        '["conv2"]',
        "10:11: nodes.conv1.inputs[0]: the nodes form a cycle: conv1 -> conv2 -> conv1; expected a graph "
        "without cycles",
    ),
    (
        '["conv1"]',
        '["conv2"]',
        "15:11: nodes.conv2.inputs[0]: the nodes form a cycle: conv2 -> conv2; expected a graph without cycles",
    ),
    (
        "[data]",
        '[nodes.sum]\nop = "Add"\ninputs = ["conv2"]\n\n[data]',
        "22:10: nodes.sum.inputs: found 1 input; expected 2 or more for Add",
    ),
    (
        "init.bias = 0.0",
        'share = "conv1"',
        "18:9: nodes.conv2.share: 'conv2' (Conv: kernel 1x1x2x3, bias 1) cannot use the parameters of "
        "'conv1' (Conv: kernel 1x1x3x3, bias 1); expected the same op and the same parameter shapes",
    ),
    (
        "init.bias = 0.0",
        'share = "conv"',
        "18:9: nodes.conv2.share: unknown node 'conv'; expected one of conv1, conv2; did you mean 'conv2'?",
    ),
    ("init.bias = 0.0", 'share = "conv2"', "18:9: nodes.conv2.share: 'share' goes in a circle: conv2 -> conv2"),
    (
        "init.bias = 0.0",
        'share = "image"',
        "18:9: nodes.conv2.share: 'image' is an input; expected a node that has parameters",
    ),
    (
        "[data]",
        '[nodes.relu]\nop = "ReLU"\ninputs = ["conv1"]\nshare = "conv1"\n\n[data]',
        "23:9: nodes.relu.share: 'relu' (ReLU: no parameters) cannot use the parameters of 'conv1' (Conv: "
        "kernel 1x1x3x3, bias 1); expected the same op and the same parameter shapes",
    ),
    (
        "[data]",
        '[nodes.again]\nop = "Conv"\ninputs = ["image"]\nkernel_size = 3\nshare = "conv1"\ntrainable = false\n\n[data]',
        "25:1: nodes.again.trainable: 'again' uses the parameters of 'conv1'; expected trainable there",
    ),
    (
        "[data]",
        '[nodes.again]\nop = "Conv"\ninputs = ["image"]\nkernel_size = 3\nshare = "conv1"\ninit.bias = 1.0\n\n[data]',
        "25:6: nodes.again.init.bias: 'again' uses the parameters of 'conv1'; expected init there",
    ),
    (
        "init.bias = 0.0",
        "init.bais = 0.0",
        "18:6: nodes.conv2.init.bais: unknown parameter 'bais'; expected one of kernel, bias; did you mean 'bias'?",
    ),
    (
        "init.bias = 0.0",
        "bias = false\ninit.bias = 0.0",
        "19:6: nodes.conv2.init.bias: unknown parameter 'bias'; expected kernel",
    ),
    (
        "[data]",
        '[nodes.relu]\nop = "ReLU"\ninputs = ["conv1"]\ninit.kernel = 1.0\n\n[data]',
        "23:6: nodes.relu.init.kernel: unknown parameter 'kernel'; ReLU has none",
    ),
    (
        "init.bias = 0.0",
        "init.kernel = [[1, 2], [3, 4]]",
        "18:15: nodes.conv2.init.kernel: found an array of shape 2x2; expected 1x1x2x3 (leading axes of "
        "length 1 may be left out)",
    ),
    (
        "init.bias = 0.0",
        "init.kernel = [[1, 2], [3]]",
        "18:15: nodes.conv2.init.kernel: found an array with rows of different lengths; expected rows of one length",
    ),
    (
        "init.bias = 0.0",
        "init.bias = [1, 2]",
        "18:13: nodes.conv2.init.bias: found an array of shape 2; expected 1 (leading axes of length 1 may "
        "be left out)",
    ),
    (
        "init.bias = 0.0",
        'init.kernel = { distribution = "normal", sdt = 1.0 }',
        "18:42: nodes.conv2.init.kernel.sdt: unknown key 'sdt'; expected one of distribution, mean, std; "
        "did you mean 'std'?",
    ),
    (
        "init.bias = 0.0",
        'init.kernel = { distribution = "norml" }',
        "18:32: nodes.conv2.init.kernel.distribution: found 'norml' (a string); expected one of normal, "
        "uniform; did you mean 'normal'?",
    ),
    (
        "init.bias = 0.0",
        'init.kernel = { scheme = "he" }',
        "18:26: nodes.conv2.init.kernel.scheme: found 'he' (a string); expected one of he_normal, "
        "he_uniform, glorot_normal, glorot_uniform, pytorch_uniform",
    ),
    (
        "init.bias = 0.0",
        "init.kernel = { mean = 1.0 }",
        f"18:15: nodes.conv2.init.kernel: found a table with mean; {INITIALISER}",
    ),
    (
        "init.bias = 0.0",
        'init.kernel = { distribution = "normal", scheme = "he_normal" }',
        "18:42: nodes.conv2.init.kernel.scheme: unknown key 'scheme'; expected one of distribution, mean, std",
    ),
    # Shapes
    (
        "[2, 3]",
        "[20, 3]",
        "16:15: nodes.conv2.kernel_size: node 'conv2' (Conv) reads 'conv1' 1x7x6: kernel 20x3 does not fit "
        "into its input 7x6: output height = floor((7 + padding 0 + 0 - kernel span 20) / stride 2) + 1 = "
        "-6; expected a kernel span of at most 7, or more padding",
    ),
    (
        "kernel_size = [2, 3]\nstride = 2",
        "kernel_size = 4\nstride = 2\ndilation = 2",
        "16:15: nodes.conv2.kernel_size: node 'conv2' (Conv) reads 'conv1' 1x7x6: kernel 4x4 does not fit "
        "into its input 7x6: output width = floor((6 + padding 0 + 0 - kernel span 7) / stride 2) + 1 = 0; "
        "expected a kernel span of at most 6, or more padding",
    ),
    (
        "stride = 2",
        "groups = 2",
        "17:10: nodes.conv2.groups: node 'conv2' (Conv) reads 'conv1' 1x7x6: groups = 2 does not divide "
        "the 1 channels of the input",
    ),
    (
        "stride = 2",
        "groups = 3\nout_channels = 2",
        "17:10: nodes.conv2.groups: node 'conv2' (Conv) reads 'conv1' 1x7x6: groups = 3 does not divide "
        "the 1 channels of the input",
    ),
    (
        "[data]",
        '[nodes.sum]\nop = "Add"\ninputs = ["conv1", "conv2"]\n\n[data]',
        "22:10: nodes.sum.inputs: node 'sum' (Add) reads 'conv1' 1x7x6, 'conv2' 1x3x2: Add needs inputs of "
        "one shape, or of length 1 where they differ; found 1x7x6, 1x3x2",
    ),
    (
        "[data]",
        '[nodes.flat]\nop = "Flatten"\ninputs = ["conv2"]\n[nodes.sum]\n'
        'op = "Add"\ninputs = ["flat", "conv2"]\n\n[data]',
        "25:10: nodes.sum.inputs: node 'sum' (Add) reads 'flat' 6, 'conv2' 1x3x2: Add needs maps alone or vectors "
        "alone; found 6, 1x3x2",
    ),
    (
        "[data]",
        '[nodes.product]\nop = "Multiply"\ninputs = ["conv1", "image", "conv1"]\n\n[data]',
        "22:10: nodes.product.inputs: node 'product' (Multiply) reads 'conv1' 1x7x6, 'image' 1x9x8, "
        "'conv1' 1x7x6: Multiply needs inputs of one shape, or of length 1 where they differ; found 1x7x6, "
        "1x9x8, 1x7x6",
    ),
    (
        "[data]",
        '[nodes.both]\nop = "Concat"\ninputs = ["conv1", "conv2"]\n\n[data]',
        "22:10: nodes.both.inputs: node 'both' (Concat) reads 'conv1' 1x7x6, 'conv2' 1x3x2: Concat needs "
        "inputs of one height and width; found 1x7x6, 1x3x2",
    ),
    (
        "[data]",
        '[nodes.dense]\nop = "Dense"\ninputs = ["conv2"]\nout_features = 3\n\n[data]',
        "22:10: nodes.dense.inputs: node 'dense' (Dense) reads 'conv2' 1x3x2: Dense needs a vector; found "
        "a map 1x3x2; expected a Flatten before it",
    ),
    (
        "[data]",
        '[nodes.flat]\nop = "Flatten"\ninputs = ["conv2"]\n[nodes.late]\n'
        'op = "Conv"\ninputs = ["flat"]\nkernel_size = 1\n\n[data]',
        "25:10: nodes.late.inputs: node 'late' (Conv) reads 'flat' 6: Conv needs a map (C, H, W); found a "
        "vector of 6; expected one from before a Flatten",
    ),
    (
        "[data]",
        '[nodes.flat]\nop = "Flatten"\ninputs = ["conv2"]\n[nodes.mean]\n'
        'op = "GlobalAvgPool"\ninputs = ["flat"]\n\n[data]',
        "25:10: nodes.mean.inputs: node 'mean' (GlobalAvgPool) reads 'flat' 6: GlobalAvgPool needs a map "
        "(C, H, W); found a vector of 6; expected one from before a Flatten",
    ),
    (
        "[data]",
        '[nodes.flat]\nop = "Flatten"\ninputs = ["conv2"]\n[nodes.both]\n'
        'op = "Concat"\ninputs = ["flat", "conv2"]\n\n[data]',
        "25:10: nodes.both.inputs: node 'both' (Concat) reads 'flat' 6, 'conv2' 1x3x2: Concat needs inputs "
        "of one height and width; found 6, 1x3x2",
    ),
    (
        "[data]",
        '[nodes.joined]\nop = "Concat"\ninputs = ["conv1", "image"]\naxis = 2\n\n[data]',
        "22:10: nodes.joined.inputs: node 'joined' (Concat) reads 'conv1' 1x7x6, 'image' 1x9x8: Concat needs inputs "
        "of one number of channels and width along axis 2; found 1x7x6, 1x9x8",
    ),
    (
        "[data]",
        '[nodes.flat]\nop = "Flatten"\ninputs = ["conv2"]\n[nodes.shares]\nop = "Softmax"\ninputs = ["flat"]\n'
        "axis = 3\n\n[data]",
        "26:8: nodes.shares.axis: node 'shares' (Softmax) reads 'flat' 6: Softmax along axis 3 needs a map (C, H, W); "
        "found a vector of 6; expected axis 1",
    ),
    (
        "[data]",
        '[nodes.shares]\nop = "Softmax"\ninputs = ["conv2"]\naxis = 0\n\n[data]',
        "23:8: nodes.shares.axis: found 0 (an integer); expected 1 (channels), 2 (rows) or 3 (columns)",
    ),
    (
        "[data]",
        '[nodes.pool]\nop = "MaxPool"\ninputs = ["conv1"]\nkernel_size = 2\npadding = 2\n\n[data]',
        "24:11: nodes.pool.padding: node 'pool' (MaxPool) reads 'conv1' 1x7x6: padding 2 at the top makes "
        "windows of nothing but padding; expected less than the kernel's span, 2",
    ),
    (
        "[data]",
        '[nodes.pool]\nop = "AvgPool"\ninputs = ["conv1"]\nkernel_size = 2\ndilation = [8, 1]\nstride = 1\n'
        "padding = 1\n\n[data]",
        "24:12: nodes.pool.dilation: node 'pool' (AvgPool) reads 'conv1' 1x7x6: dilation 8 makes "
        "windows of nothing but padding, whose taps stand on both sides of the input's 7 rows; expected at most 7, or "
        "less padding",
    ),
    (
        "[data]",
        '[nodes.pool]\nop = "MaxPool"\ninputs = ["conv1"]\nkernel_size = 2\nceil_mode = 1\ndilation = 0\n\n[data]',
        "24:13: nodes.pool.ceil_mode: found 1 (an integer); expected true or false",
        f"25:12: nodes.pool.dilation: found 0 (an integer); {PAIR}",
    ),
    (
        "[data]",
        '[nodes.pool]\nop = "AvgPool"\ninputs = ["conv1"]\nkernel_size = 8\n\n[data]',
        "23:15: nodes.pool.kernel_size: node 'pool' (AvgPool) reads 'conv1' 1x7x6: kernel 8x8 does not fit "
        "into its input 7x6: output height = floor((7 + padding 0 + 0 - kernel span 8) / stride 8) + 1 = "
        "0; expected a kernel span of at most 7, or more padding",
    ),
    (
        "[data]",
        '[nodes.up]\nop = "ConvTranspose"\ninputs = ["conv2"]\nkernel_size = 2\npadding = 3\n\n[data]',
        "24:11: nodes.up.padding: node 'up' (ConvTranspose) reads 'conv2' 1x3x2: padding [3, 3, 3, 3] "
        "crops the whole answer to 3x2: -2x-3 would be left; expected less padding",
    ),
    (
        "[data]",
        '[nodes.up]\nop = "ConvTranspose"\ninputs = ["conv2"]\nkernel_size = 2\n'
        "stride = 2\noutput_padding = 2\n\n[data]",
        "25:18: nodes.up.output_padding: node 'up' (ConvTranspose) reads 'conv2' 1x3x2: output_padding 2x2 "
        "is not below the stride 2x2",
    ),
    (
        "[data]",
        '[nodes.up]\nop = "ConvTranspose"\ninputs = ["conv2"]\nkernel_size = 3\n'
        'stride = 2\npadding = "same"\noutput_padding = 1\n\n[data]',
        "26:18: nodes.up.output_padding: node 'up' (ConvTranspose) reads 'conv2' 1x3x2: output_padding 1x1 beside "
        "padding 'same', which makes the answer input times stride, 6x4; expected one of the two",
    ),
    (
        "[data]",
        '[nodes.up]\nop = "ConvTranspose"\ninputs = ["conv2"]\nkernel_size = 2\ngroups = 2\n\n[data]',
        "24:10: nodes.up.groups: node 'up' (ConvTranspose) reads 'conv2' 1x3x2: groups = 2 does not divide "
        "the channels of the input, 1",
    ),
    # Data
    (
        '"teacher"',
        '"teached"',
        "21:10: data.source: found 'teached' (a string); expected one of teacher, file; did you mean 'teacher'?",
    ),
    (
        "inputs.image =",
        "inputs.imag =",
        "22:8: data.inputs.imag: unknown input 'imag'; expected image; did you mean 'image'?",
    ),
    (
        'inputs.image = { distribution = "normal", mean = 1.0 }\n',
        "",
        "20:2: data.inputs: missing key 'inputs'; expected a file, array or distribution for each of image",
    ),
    (
        '{ distribution = "normal", mean = 1.0 }',
        "{ mean = 1.0 }",
        "22:16: data.inputs.image: found a table with mean; expected a table with 'file' or 'distribution', or an "
        "array of numbers",
    ),
    (
        "mean = 1.0",
        "meen = 1",
        "22:43: data.inputs.image.meen: unknown key 'meen'; expected one of distribution, mean, std; did "
        "you mean 'mean'?",
    ),
    (
        '"normal"',
        '"gauss"',
        "22:33: data.inputs.image.distribution: found 'gauss' (a string); expected one of normal, uniform",
    ),
    (
        '{ distribution = "normal", mean = 1.0 }',
        '{ scheme = "he_normal" }',
        "22:16: data.inputs.image: found a table with scheme; expected a table with 'file' or 'distribution', or "
        "an array of numbers",
    ),
    (
        '{ distribution = "normal", mean = 1.0 }',
        '{ file = "" }',
        "22:25: data.inputs.image.file: found '' (a string); expected a string that is not empty",
    ),
    (
        '{ distribution = "normal", mean = 1.0 }',
        '{ file = "a.npy", distribution = "normal" }',
        "22:34: data.inputs.image.distribution: unknown key 'distribution'; expected one of file, key, columns",
    ),
    (
        'teacher."conv2.kernel"',
        'teacher."conv3.kernel"',
        "24:9: data.teacher.\"conv3.kernel\": unknown parameter 'conv3.kernel'; expected one of "
        "conv1.kernel, conv1.bias, conv2.kernel, conv2.bias; did you mean 'conv2.kernel'?",
    ),
    (
        'teacher."conv2.kernel"',
        'teacher."conv2.krnel"',
        "24:9: data.teacher.\"conv2.krnel\": unknown parameter 'conv2.krnel'; expected one of conv1.kernel, "
        "conv1.bias, conv2.kernel, conv2.bias; did you mean 'conv2.kernel'?",
    ),
    (
        'teacher."conv2.kernel"',
        "teacher.conv2.kernel",
        "24:9: data.teacher.conv2: found a table 'conv2' with kernel; expected a parameter's full name as "
        'one key in quotes: teacher."conv2.kernel"',
    ),
    (
        "= 0.5",
        "= [[1, 2]]",
        '24:26: data.teacher."conv2.kernel": found an array of shape 1x2; expected 1x1x2x3 (leading axes '
        "of length 1 may be left out)",
    ),
    ("= 0.5", '= "0.5"', f"24:26: data.teacher.\"conv2.kernel\": found '0.5' (a string); {INITIALISER}"),
    (
        'teacher."conv1.kernel" = 1.0\nteacher."conv2.kernel" = 0.5',
        'teacher."conv1.kernel" = 1.0',
        "23:1: data.teacher.\"conv2.kernel\": missing key 'conv2.kernel'; expected one for each of "
        "conv1.kernel, conv2.kernel",
    ),
    (
        'teacher."conv1.kernel" = 1.0\nteacher."conv2.kernel" = 0.5',
        "",
        "20:2: data.teacher: missing key 'teacher'; expected a value for each of conv1.kernel, conv2.kernel",
    ),
    (
        'teacher."conv1.kernel" = 1.0\nteacher."conv2.kernel" = 0.5',
        "teacher = 1.0",
        "23:11: data.teacher: found 1.0 (a number); expected a table",
    ),
    (
        'source = "teacher"',
        'source = "teacher"\nfile = "a.npz"',
        "22:1: data.file: found 'file' beside source = \"teacher\"; expected one or the other",
    ),
    (
        'source = "teacher"',
        'source = "teacher"\noutputs.conv2 = { file = "a.npy" }',
        "22:1: data.outputs: found 'outputs' beside source = \"teacher\"; expected one or the other",
    ),
    (
        'source = "teacher"',
        'source = "file"\nfile = "a.npz"',
        "23:1: data.inputs: found 'inputs' beside file; expected one or the other",
        "24:1: data.teacher: found 'teacher' beside file; expected one or the other",
    ),
    (
        'source = "teacher"',
        'source = "teacher"\noutputs.conv2 = "a.npy"',
        "22:17: data.outputs.conv2: found 'a.npy' (a string); expected a table with 'file', or an array of numbers",
    ),
    (
        'source = "teacher"',
        'source = "teacher"\nsample = 3',
        "22:1: data.sample: unknown key 'sample'; expected one of source, file, samples, inputs, outputs, "
        "classes, split, "
        "validation, test, teacher; did you mean 'samples'?",
    ),
    # Training
    ('"sse"', '"see"', f"27:8: train.loss: found 'see' (a string); expected {LOSS}; did you mean 'sse'?"),
    (
        '"sse"',
        '"mean_squared_error"',
        f"27:8: train.loss: found 'mean_squared_error' (a string); expected {LOSS}",
    ),
    (
        'name = "sgd"',
        'name = "sdg"',
        f"28:22: train.optimizer.name: unknown optimizer 'sdg'; expected {OPTIMIZER}; did you mean 'sgd'?",
    ),
    (
        'name = "sgd"',
        'name = "SGD"',
        f"28:22: train.optimizer.name: unknown optimizer 'SGD'; expected {OPTIMIZER}; did you mean 'sgd'?",
    ),
    (
        '{ name = "sgd", learning_rate = 3e-5 }',
        '{ name = "sgd" }',
        "28:13: train.optimizer.learning_rate: missing key 'learning_rate': the step's length for a "
        "gradient of length 1",
    ),
    (
        'optimizer = { name = "sgd", learning_rate = 3e-5 }\n',
        "",
        "26:2: train.optimizer: missing key 'optimizer': a table such as { name = \"sgd\", learning_rate = 3e-5 }",
    ),
    ("steps = 20", "steps = -1", "29:9: train.steps: found -1 (an integer); expected an integer of at least 1"),
    # Several mistakes of one file, all told
    (
        "kernel_size = [2, 3]\nstride = 2\ninit.bias = 0.0",
        'kernel_size = "3"\nstride = 2\ninit.bais = 0.0\nshare = "conv"',
        f"16:15: nodes.conv2.kernel_size: found '3' (a string); {PAIR}",
        "18:6: nodes.conv2.init.bais: unknown parameter 'bais'; expected one of kernel, bias; did you mean 'bias'?",
        "19:9: nodes.conv2.share: unknown node 'conv'; expected one of conv1, conv2; did you mean 'conv2'?",
    ),
    (
        '"Conv"\ninputs = ["image"]\nkernel_size = 3',
        '"Cnov"\ninputs = ["imge"]\nkernel_szie = 3',
        f"9:6: nodes.conv1.op: unknown op 'Cnov'; expected one of {OPS}; did you mean 'Conv'?",
        "10:11: nodes.conv1.inputs[0]: unknown input or node 'imge'; expected one of image, conv1, conv2; "
        "did you mean 'image'?",
        f"11:1: nodes.conv1.kernel_szie: unknown key 'kernel_szie'; expected one of {ANY_OP_KEYS}; "
        "did you mean 'kernel_size'?",
    ),
    (
        '["image"]\nkernel_size = 3\n\n[nodes.conv2]\nop = "Conv"\ninputs = ["conv1"]',
        '["conv2"]\nkernel_size = 0\n\n[nodes.conv2]\nop = "Conv"\ninputs = ["conv1"]',
        "10:11: nodes.conv1.inputs[0]: the nodes form a cycle: conv1 -> conv2 -> conv1; expected a graph "
        "without cycles",
        f"11:15: nodes.conv1.kernel_size: found 0 (an integer); {PAIR}",
    ),
    (
        'shape = [9, 8]\n\n[nodes.conv1]\nop = "Conv"\ninputs = ["image"]',
        'shape = [9]\n\n[nodes.conv1]\nop = "Conv"\ninputs = ["imge"]',
        "6:9: inputs.image.shape: found [9] (an array); expected [H, W] or [C, H, W], each at least 1",
        "10:11: nodes.conv1.inputs[0]: unknown input or node 'imge'; expected one of image, conv1, conv2; "
        "did you mean 'image'?",
    ),
    (
        "kernel_size = 3\n",
        "kernel_size = 3\nkernel = 1\ninit.kernal = 0.0\n",
        f"12:1: nodes.conv1.kernel: unknown key 'kernel'; expected one of {CONV_KEYS}; here it is called 'kernel_size'",
        "13:6: nodes.conv1.init.kernal: unknown parameter 'kernal'; expected one of kernel, bias; did you "
        "mean 'kernel'?",
    ),
]

MORE = "more behind a value; expected a comma, or the bracket that closes"
WITHIN = "a line that ends, or a tab, within a string; expected its closing quote, or \\n or \\t"
BACKSLASH = "a backslash that stands for no letter; expected \\\\"

JSON_FAULTS = [
    (
        '"schema_version": 1',
        '"schema_version": 2',
        "2:21: schema_version: found 2; expected 1; this file was made for a newer minigraph: update "
        "minigraph to read it",
    ),
    ('"schema_version": 1', '"schema_version": "1"', "2:21: schema_version: found '1' (a string); expected an integer"),
    ('  "schema_version": 1,\n', "", "1:1: schema_version: missing key 'schema_version': the format's version: 1"),
    ('"name": "small"', '"name": "small" x', f"3:19: the text is not JSON: {MORE}"),
    ('"loss": "sse",', '"loss": "sse"', f"53:5: the text is not JSON: {MORE}"),
    ('"steps": 20', '"steps": 2 0', f"57:16: the text is not JSON: {MORE}"),
    (
        '"steps": 20',
        '"steps": 20, "steps": 30',
        "57:18: train.steps: key 'steps' is given twice, first in line 57; expected it once",
    ),
    ('"small"', '"sm\nall"', f"3:14: the text is not JSON: {WITHIN}"),
    ('"small"', '"C:\\Users"', f"3:14: the text is not JSON: {BACKSLASH}, or / in a path"),
    ('"steps": 20', '"steps": 20,', "57:16: the text is not JSON: a comma behind the last entry; expected none there"),
    ('"small"', '"sm\\ud800all"', "3:14: the text is not JSON: \\ud800 is half a character; expected both halves"),
    (
        '"kernel_size": 3',
        '"kernel_szie": 3',
        f"21:7: nodes.conv1.kernel_szie: unknown key 'kernel_szie'; expected one of {CONV_KEYS}; did you "
        "mean 'kernel_size'?",
    ),
    (
        '"kernel_size": 3',
        '"kernel_shape": 3',
        f"21:7: nodes.conv1.kernel_shape: unknown key 'kernel_shape'; expected one of {CONV_KEYS}; here it "
        "is called 'kernel_size'",
    ),
    (
        '"stride": 2',
        '"strides": 2',
        f"32:7: nodes.conv2.strides: unknown key 'strides'; expected one of {CONV_KEYS}; here it is called 'stride'",
    ),
    ('"stride": 2', '"stride": true', f"32:17: nodes.conv2.stride: found true (a boolean); {PAIR}"),
    ('"stride": 2', '"stride": "2"', f"32:17: nodes.conv2.stride: found '2' (a string); {PAIR}"),
    ('"stride": 2', '"stride": 2.0', f"32:17: nodes.conv2.stride: found 2.0 (a number); {PAIR}"),
    ('"stride": 2', '"stride": null', f"32:17: nodes.conv2.stride: found null; {PAIR}"),
    ('"stride": 2', '"stride": NaN', f"32:17: nodes.conv2.stride: found nan (a number); {PAIR}"),
    ('"stride": 2', '"stride": Infinity', f"32:17: nodes.conv2.stride: found inf (a number); {PAIR}"),
    ('"stride": 2', '"stride": [1, 2.0]', f"32:17: nodes.conv2.stride: found [1, 2.0] (an array); {PAIR}"),
    (
        '"conv1": {',
        '"2": {',
        f"16:5: nodes.2: found '2' (a string); {NAME}",
        "26:9: nodes.conv2.inputs[0]: unknown input or node 'conv1'; expected one of image, conv2, 2; did "
        "you mean 'conv2'?",
    ),
    (
        '        "image"\n',
        '        "imag"\n',
        "19:9: nodes.conv1.inputs[0]: unknown input or node 'imag'; expected one of image, conv1, conv2; "
        "did you mean 'image'?",
    ),
    (
        '        "image"\n',
        '        "conv2"\n',
        "19:9: nodes.conv1.inputs[0]: the nodes form a cycle: conv1 -> conv2 -> conv1; expected a graph without cycles",
    ),
    (
        '        "conv1"\n',
        '        "conv2"\n',
        "26:9: nodes.conv2.inputs[0]: the nodes form a cycle: conv2 -> conv2; expected a graph without cycles",
    ),
    ('"steps": 20', '"steps": 0', "57:14: train.steps: found 0 (an integer); expected an integer of at least 1"),
    (
        '"learning_rate"',
        '"lr"',
        f"55:7: train.optimizer.lr: unknown key 'lr'; expected one of {SGD_KEYS}; here it is called 'learning_rate'",
    ),
    (
        '"conv2.kernel": 0.5',
        '"conv2": {"kernel": 0.5}',
        "48:7: data.teacher.conv2: found a table 'conv2' with kernel; expected a parameter's full name as "
        'one key in quotes: teacher."conv2.kernel"',
    ),
    (
        '"conv2.kernel": 0.5',
        '"conv2.kernal": 0.5',
        "48:7: data.teacher.\"conv2.kernal\": unknown parameter 'conv2.kernal'; expected one of "
        "conv1.kernel, conv1.bias, conv2.kernel, conv2.bias; did you mean 'conv2.kernel'?",
    ),
    (
        '"conv2.kernel": 0.5',
        '"conv2.kernel": [[1, 2]]',
        '48:23: data.teacher."conv2.kernel": found an array of shape 1x2; expected 1x1x2x3 (leading axes '
        "of length 1 may be left out)",
    ),
    (
        '"op": "Conv",\n      "inputs": [\n        "image"',
        '"op": "Cnov",\n      "inputs": [\n        "image"',
        f"17:13: nodes.conv1.op: unknown op 'Cnov'; expected one of {OPS}; did you mean 'Conv'?",
    ),
    (
        "        2,\n        3\n",
        "        20,\n        3\n",
        "28:22: nodes.conv2.kernel_size: node 'conv2' (Conv) reads 'conv1' 1x7x6: kernel 20x3 does not fit "
        "into its input 7x6: output height = floor((7 + padding 0 + 0 - kernel span 20) / stride 2) + 1 = "
        "-6; expected a kernel span of at most 7, or more padding",
    ),
]

Row = tuple[str, ...]


def check(folder: Path, sound: str, row: Row, file: str) -> None:
    piece, fault, *wanted = row
    assert piece in sound
    blocks = told(folder, sound.replace(piece, fault, 1), file)
    assert [block.splitlines()[0] for block in blocks] == wanted
    assert all(len(block.splitlines()) == 3 and set(block.splitlines()[2]) <= set(" |^") for block in blocks)


@pytest.mark.parametrize("row", TOML_FAULTS, ids=range(len(TOML_FAULTS)))
def test_a_fault_in_toml_is_told_at_its_place(row: Row, tmp_path: Path) -> None:
    check(tmp_path, SOUND, row, "faulty.toml")


@pytest.mark.parametrize("row", JSON_FAULTS, ids=range(len(JSON_FAULTS)))
def test_a_fault_in_json_is_told_at_its_place(row: Row, tmp_path: Path) -> None:
    check(tmp_path, SOUND_JSON, row, "faulty.json")


def test_no_row_is_there_twice() -> None:
    rows = [row[:2] for row in TOML_FAULTS]
    assert len(set(rows)) == len(rows) >= 60
