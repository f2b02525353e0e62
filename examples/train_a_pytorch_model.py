"""Train a network of PyTorch on handwritten digits: the loop with `epochs` and `steps`, the trained model instrumented.

Of each step only `loss.item()` waits for the device. It gives two traces, the first with every tenth of 12 steps:

    training  ia.model.name=digits  ia.epoch=2  ia.training.loss=…
    ├─ epoch  ia.epoch=0  ia.training.accuracy=…
    │  ├─ step  ia.step=0  ia.batch.size=100
    │  └─ step  ia.step=10
    ├─ epoch  ia.epoch=1
    │  ├─ step  ia.step=0
    │  └─ step  ia.step=10
    └─ epoch  ia.epoch=2
       ├─ step  ia.step=0
       └─ step  ia.step=10

    read  images=float32(597, 64)  batch=597  result=int64(597,)
    └─ digits.forward  stage=inference  device=cpu
"""

from typing import Any

import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from otel_ia import configure, instrument, monitor, training

RATE = 0.01


def train(net: Any, images: Any, digits: Any) -> None:
    """Three times through all images, a hundred at once."""
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    loader: Any = DataLoader(TensorDataset(images, digits), batch_size=100, shuffle=True)
    epochs = training.epochs(3, model="digits")
    for _ in epochs:
        steps = training.steps(loader, every=10)
        right = 0
        for pixels, labels in steps:
            optimizer.zero_grad()
            scores = net(pixels)
            loss = torch.nn.functional.cross_entropy(scores, labels)
            loss.backward()
            optimizer.step()
            right += (scores.argmax(1) == labels).sum()
            steps.record(loss=loss.item(), learning_rate=RATE)
        epochs.record(accuracy=float(right) / len(images))


if __name__ == "__main__":
    torch.manual_seed(0)
    data, target = (torch.tensor(part) for part in load_digits(return_X_y=True))
    images = data.float() / 16
    net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    with configure(service_name="digits"):
        train(net, images[:1_200], target[:1_200])
        with instrument(net.eval(), "digits"), torch.no_grad():
            read = monitor("read", capture="summary")(lambda images: net(images).argmax(1))(images[1_200:])
    print(f"{(read == target[1_200:]).float().mean():.0%} read right")
