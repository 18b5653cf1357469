"""Make dead_parameters.json: a 1x1 convolution trained by PyTorch beside one that no output needs."""

import json
from pathlib import Path

import numpy as np
import torch

START, RATE_SGD, RATE = (0.8016, 0.3), 0.01, 0.001


def main() -> None:
    generator = np.random.default_rng(0)
    x, target = generator.normal(size=(2, 2)).tolist(), generator.normal(size=(2, 2)).tolist()
    made = {
        "sgd": lambda p: torch.optim.SGD(p, lr=RATE_SGD, momentum=0.9, weight_decay=0.1),
        "adam": lambda p: torch.optim.Adam(p, lr=RATE, weight_decay=0.1),
        "adamw": lambda p: torch.optim.AdamW(p, lr=RATE, weight_decay=0.1),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=RATE, weight_decay=0.1),
    }
    runs = {}
    for name, make in made.items():
        live, dead = (torch.nn.Conv2d(1, 1, 1, dtype=torch.float64) for _ in range(2))
        with torch.no_grad():
            live.weight.fill_(START[0])
            live.bias.fill_(START[1])
            dead.weight.fill_(1000.0)
        parameters = [*live.parameters(), *dead.parameters()]
        optimizer = make(parameters)
        inputs, wanted = (torch.tensor([[array]], dtype=torch.float64) for array in (x, target))
        for _ in range(200):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(live(inputs), wanted).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
        runs[name] = [live.weight.item(), live.bias.item()]
        assert dead.weight.item() == 1000.0
    facts = {"start": START, "x": x, "target": target, "runs": runs}
    Path(__file__).with_name("dead_parameters.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
